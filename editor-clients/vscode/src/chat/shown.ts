/** All that the chat page shows, and how each change alters it: the same fold runs in the extension and in the page. */

import type { AgentEvent, Approval, SessionEntry, EstimateAnswer } from '../contract';
import { withEntries } from './entries';
import { withEvent } from './events';
import type { ChatState } from './port';
import { EMPTY, type Transcript } from './transcript';

/** The attachment as the user sees it; `lines` are 1-based, both inclusive. */
export interface Chip {
  readonly label: string;
  readonly lines?: { first: number; last: number };
}

export interface Shown {
  readonly transcript: Transcript;
  readonly title?: string | undefined;
  readonly state: ChatState;
  readonly chip?: Chip | undefined;
  /** All open questions, of other conversations too, oldest first. */
  readonly approvals: readonly Approval[];
  /** A prompt that was sent and whose turn has not begun. */
  readonly sent?: string | undefined;
  /** Why the last thing that the user wanted did not happen. */
  readonly notice?: string | undefined;
  /** What the draft may cost. */
  readonly estimate?: EstimateAnswer | undefined;
}

export type Change =
  | { type: 'event'; event: AgentEvent }
  | { type: 'entries'; entries: readonly SessionEntry[] }
  | { type: 'conversation'; sessionId?: string; title?: string; entries: readonly SessionEntry[]; isRunning?: boolean }
  | { type: 'state'; state: ChatState }
  | { type: 'chip'; chip?: Chip }
  | { type: 'approval'; approval: Approval }
  | { type: 'settled'; approvalId: string }
  | { type: 'sent'; prompt: string }
  | { type: 'taken'; sessionId: string; prompt: string; joined: boolean }
  | { type: 'notice'; line?: string }
  | { type: 'estimate'; estimate?: EstimateAnswer };

/** A page for a conversation of which nothing is known yet. */
export function blank(state: ChatState): Shown {
  return { transcript: EMPTY, state, approvals: [] };
}

/** What is shown after a change. */
export function shownAfter(shown: Shown, change: Change): Shown {
  switch (change.type) {
    case 'event':
      return afterEvent(shown, change.event);
    case 'entries':
      return { ...shown, sent: undefined, transcript: withEntries(shown.transcript, change.entries) };
    case 'conversation':
      return opened(shown, change);
    case 'state':
      return withState(shown, change.state);
    case 'chip':
      return { ...shown, chip: change.chip };
    case 'approval':
      return { ...shown, approvals: [...others(shown.approvals, change.approval.approvalId), change.approval] };
    case 'settled':
      return { ...shown, approvals: others(shown.approvals, change.approvalId) };
    case 'sent':
      return { ...shown, notice: undefined, estimate: undefined, sent: change.prompt };
    case 'taken':
      return taken(shown, change);
    case 'notice':
      return { ...shown, sent: undefined, notice: change.line };
    case 'estimate':
      return { ...shown, estimate: change.estimate };
  }
}

/** The questions of the conversation that is shown. */
export function questions(shown: Shown): readonly Approval[] {
  return shown.approvals.filter(({ sessionId }) => sessionId === shown.transcript.sessionId);
}

/** Without a daemon nothing runs. */
function withState(shown: Shown, state: ChatState): Shown {
  const isLost = shown.transcript.isLost || state.daemon.kind !== 'ready';
  return {
    ...shown,
    state,
    transcript: isLost === shown.transcript.isLost ? shown.transcript : { ...shown.transcript, isLost },
  };
}

function afterEvent(shown: Shown, event: AgentEvent): Shown {
  const transcript = withEvent(shown.transcript, event);
  if (transcript === shown.transcript) {
    return shown;
  }
  const isSent = event.kind === 'turnStarted' && event.prompt === shown.sent;
  return { ...shown, sent: isSent ? undefined : shown.sent, transcript };
}

function opened(shown: Shown, change: Change & { type: 'conversation' }): Shown {
  const { sessionId, title, entries } = change;
  const empty = { ...EMPTY, isLost: change.isRunning !== true };
  const transcript = withEntries(sessionId === undefined ? empty : { ...empty, sessionId }, entries);
  const { state, chip } = shown;
  return { transcript, state, approvals: shown.approvals, chip, title };
}

/** A prompt that joined waits in its turn until the model is told; the event of that may have come before. */
function taken(shown: Shown, change: Change & { type: 'taken' }): Shown {
  const { sessionId, prompt, joined } = change;
  const transcript = { ...shown.transcript, sessionId };
  const last = transcript.turns.at(-1);
  const isOpen = last !== undefined && last.ended === undefined;
  const isShown = isOpen && last.items.some((item) => item.kind === 'user' && item.text === prompt);
  if (!joined) {
    return { ...shown, sent: isShown ? undefined : shown.sent, transcript };
  }
  const there = isShown || !isOpen || last.taken.includes(prompt);
  const turns = there ? transcript.turns : transcript.turns.with(-1, { ...last, taken: [...last.taken, prompt] });
  return { ...shown, sent: undefined, transcript: { ...transcript, turns } };
}

function others(approvals: readonly Approval[], approvalId: string): readonly Approval[] {
  return approvals.filter((approval) => approval.approvalId !== approvalId);
}
