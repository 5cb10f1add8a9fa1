/**
 * A conversation as it is shown: a pure fold over the daemon's events (events.ts) and entries (entries.ts).
 *
 * Entries are the truth, events the view while it happens. Both may come in any mixture, twice or with deltas missing:
 * the same facts give the same transcript, and `stale` says when entries should be fetched again. Values are frozen by
 * convention: what did not change keeps its identity, so that the page draws only what did.
 */

import type { Choice, ResultStatus, StopReason, ToolKind, TurnUsage } from '../contract';

/**
 * Where an item stands. `seq` is that of its entry when it is `recorded`, else that of the event that showed it, which is
 * not smaller; an answer that still grows has none. `told` is the `seq` of the event that it was matched with.
 */
interface Placed {
  readonly seq?: number;
  readonly told?: number;
  readonly recorded: boolean;
}

/** Words of the user: the prompt, or what joined the running turn. */
export interface Words extends Placed {
  readonly kind: 'user';
  readonly text: string;
}

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'thinking'; readonly text: string }
  | { readonly kind: 'call'; readonly callId: string };

/** One answer of the model. `gap` when deltas of it were missed, until its entry fills it. */
export interface Message extends Placed {
  readonly kind: 'assistant';
  readonly pieces: readonly Piece[];
  readonly gap: boolean;
  /** Code points so far, as the daemon counts offsets. */
  readonly length: { readonly text: number; readonly thinking: number };
}

export type Item = Words | Message;

/** How a turn ended; `cost` in USD, null where no price is known. */
export interface Ended {
  readonly stopReason: StopReason;
  readonly usage: TurnUsage;
  readonly cost: number | null;
  readonly error: string;
}

export interface Retry {
  readonly reason: string;
  readonly attempt: number;
  readonly attempts: number;
  readonly seconds: number;
}

export interface Turn {
  readonly id: string;
  readonly items: readonly Item[];
  readonly model?: string;
  readonly note?: string;
  readonly usage?: TurnUsage;
  readonly cost?: number | null;
  readonly retry?: Retry;
  readonly ended?: Ended;
  /** Words that were taken into the turn and not yet said to the model. */
  readonly taken: readonly string[];
}

/** What the user, or nobody in time, answered to the question about a call. */
export interface Answer {
  readonly decision: Choice;
  readonly answered: boolean;
  readonly feedback: string;
}

export type CallStatus = 'waiting' | 'running' | 'asking' | ResultStatus;

/** A tool call. `whole` when `result` is all that the model was told, not its first line. */
export interface Call {
  readonly callId: string;
  readonly tool: string;
  readonly toolKind?: ToolKind;
  readonly title?: string;
  readonly arguments?: string;
  readonly output: string;
  readonly status: CallStatus;
  readonly result: string;
  readonly whole: boolean;
  readonly answer?: Answer;
}

export interface Transcript {
  readonly sessionId?: string;
  /** The largest `seq` of the entries that were folded in. */
  readonly head: number;
  /** The turn that the newest entry belongs to. */
  readonly entryTurn?: string;
  readonly turns: readonly Turn[];
  readonly calls: Readonly<Record<string, Call>>;
  /** A turn without an end broke off: its daemon is gone. */
  readonly isLost: boolean;
  /** Something is missing or only short here: entries after `head` have it. */
  readonly stale: boolean;
}

export const EMPTY: Transcript = { head: 0, turns: [], calls: {}, isLost: false, stale: false };

/** Whether a turn of the conversation runs. */
export function running(transcript: Transcript): boolean {
  const last = transcript.turns.at(-1);
  return last !== undefined && last.ended === undefined && !transcript.isLost;
}

/** The transcript with a turn in it; the newest one stands last. */
export function withTurn(transcript: Transcript, id: string): Transcript {
  if (transcript.turns.some((turn) => turn.id === id)) {
    return transcript;
  }
  return { ...transcript, turns: [...transcript.turns, { id, items: [], taken: [] }] };
}

/** The transcript with one turn replaced. */
export function changeTurn(transcript: Transcript, id: string, change: (turn: Turn) => Turn): Transcript {
  const index = transcript.turns.findLastIndex((turn) => turn.id === id);
  const turn = transcript.turns[index];
  return turn === undefined ? transcript : { ...transcript, turns: transcript.turns.with(index, change(turn)) };
}

/** The transcript with facts about a call added. */
export function changeCall(transcript: Transcript, callId: string, change: (call: Call) => Call): Transcript {
  const call = transcript.calls[callId] ?? blankCall(callId);
  return { ...transcript, calls: { ...transcript.calls, [callId]: change(call) } };
}

/** Whether a call has its result. */
export function settled(call: Call): boolean {
  return call.status !== 'waiting' && call.status !== 'running' && call.status !== 'asking';
}

function blankCall(callId: string): Call {
  return { callId, tool: '', output: '', status: 'waiting', result: '', whole: false };
}
