/** What the page may have to show: built from a recorded conversation, as the extension builds it. */

import type { AgentEvent, Approval } from '../../src/contract';
import { blank, shownAfter, type Change, type Shown } from '../../src/chat/shown';
import { APPROVALS, ENTRIES, EVENTS } from '../../test/unit/chat/recorded';

const READY: Shown = after(
  blank({ daemon: { kind: 'ready' }, model: 'claude-sonnet-4-5', preset: 'confirm', spent: 0.1834 }),
  [{ type: 'chip', chip: { label: 'src/tax.py', lines: { first: 6, last: 7 } } }],
);

/** What is shown after changes. */
export function after(shown: Shown, changes: readonly Change[]): Shown {
  return changes.reduce(shownAfter, shown);
}

function until(wanted: (event: AgentEvent) => boolean): Change[] {
  return EVENTS.slice(0, EVENTS.findIndex(wanted) + 1).map((event) => ({ type: 'event', event }));
}

function asking(approval: Approval | undefined): Shown {
  const { approvalId } = approval ?? {};
  const events = until((event) => event.kind === 'approvalRequested' && event.approvalId === approvalId);
  return after(READY, [...events, ...(approval ? [{ type: 'approval', approval } as const] : [])]);
}

const HEAD = { sessionId: 'session_1', turnId: 'turn_9', seq: 100 };
const DECEIT = 'Run rm -rf \u202etxt.safe\u202c \u001b[31mred\u001b[0m; echo <img src=x onerror=alert(1)>';

export const SCENES: Readonly<Record<string, Shown>> = {
  empty: READY,
  streaming: after(
    READY,
    until((event) => event.kind === 'textDelta' && event.text.includes('return')),
  ),
  done: after(READY, [
    ...EVENTS.map((event) => ({ type: 'event', event }) as const),
    { type: 'entries', entries: ENTRIES },
  ]),
  'asking-edit': asking(APPROVALS[0]),
  'asking-command': asking(APPROVALS[1]),
  limit: after(READY, [
    {
      type: 'event',
      event: { ...HEAD, kind: 'turnStarted', prompt: 'Migrate everything to the new client.', model: 'm' },
    },
    { type: 'event', event: { ...HEAD, kind: 'thinkingDelta', text: 'Where is the old client used?', offset: 0 } },
    { type: 'event', event: { ...HEAD, kind: 'textDelta', text: 'I have moved 31 of 48 files.', offset: 0 } },
    {
      type: 'event',
      event: {
        ...HEAD,
        kind: 'turnFinished',
        stopReason: 'budget_spent',
        usage: {
          inputTokens: 412_000,
          cacheReadTokens: 0,
          cacheWriteTokens: 0,
          outputTokens: 21_000,
          reasoningTokens: 0,
          toolCalls: 62,
          steps: 50,
        },
        cost: 1.5531,
        error: { kind: 'budget_spent', message: 'the turn has made 50 of 50 steps (maxSteps)' },
      },
    },
  ]),
  retrying: after(READY, [
    { type: 'event', event: { ...HEAD, kind: 'turnStarted', prompt: 'Hello', model: 'm' } },
    {
      type: 'event',
      event: {
        ...HEAD,
        kind: 'retrying',
        reason: 'The model is overloaded (529)',
        attempt: 1,
        attempts: 3,
        seconds: 2.4,
      },
    },
  ]),
  deceit: after(READY, [
    { type: 'event', event: { ...HEAD, kind: 'turnStarted', prompt: 'Look at <b>this</b>\u202e', model: 'm' } },
    {
      type: 'event',
      event: {
        ...HEAD,
        kind: 'textDelta',
        text: '<img src=x onerror=alert(1)> [click](javascript:alert(1)) [go](command:agentLsp.allow)\u202e abc',
        offset: 0,
      },
    },
    {
      type: 'event',
      event: {
        ...HEAD,
        kind: 'toolCallStarted',
        callId: 'call_9',
        tool: 'run_command',
        toolKind: 'execute',
        title: DECEIT,
      },
    },
  ]),
  failed: after(READY, [
    {
      type: 'state',
      state: {
        daemon: {
          kind: 'failed',
          line: 'Python 3.11 or newer was not found: install it, or name one in the settings.',
          remedy: { label: 'Open Settings', command: 'x' },
        },
      },
    },
  ]),
  starting: after(READY, [{ type: 'state', state: { daemon: { kind: 'starting', line: 'Starting the agent…' } } }]),
  'no-model': after(READY, [
    {
      type: 'state',
      state: {
        daemon: { kind: 'ready' },
        problem: 'No model is chosen: set a key, name a local server, or install the bundled model.',
        remedy: { label: 'Choose a Model', command: 'x' },
      },
    },
    { type: 'notice', line: 'The prompt was not sent: no model is chosen.' },
  ]),
};
