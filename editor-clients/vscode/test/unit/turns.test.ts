import { beforeEach, expect, test } from 'vitest';
import type { AgentEvent, TurnUsage } from '../../src/contract';
import { Turns, type EndedTurn } from '../../src/turns';

const HEAD = { sessionId: 's', turnId: 't', seq: 1 };
const USAGE: TurnUsage = {
  inputTokens: 1,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 1,
  reasoningTokens: 0,
  toolCalls: 0,
  steps: 1,
};
const STARTED: AgentEvent = { ...HEAD, kind: 'turnStarted', prompt: 'do it', model: 'm' };
const FINISHED: AgentEvent = { ...HEAD, kind: 'turnFinished', stopReason: 'end_turn', usage: USAGE, cost: 0.25 };

let turns: Turns;
let ended: EndedTurn[];

beforeEach(() => {
  turns = new Turns();
  ended = [];
  turns.onEnd((turn) => ended.push(turn));
});

test('a turn runs from its start to its end, and says what it does', () => {
  turns.take(STARTED);
  turns.take({
    ...HEAD,
    kind: 'toolCallStarted',
    callId: 'c',
    tool: 'read_file',
    toolKind: 'read',
    title: 'Read a.py',
  });
  expect(turns.all).toEqual([{ turnId: 't', sessionId: 's', prompt: 'do it', doing: 'Read a.py' }]);
  turns.take(FINISHED);
  expect(turns.all).toEqual([]);
  expect(ended).toEqual([{ turnId: 't', sessionId: 's', prompt: 'do it', doing: 'Read a.py', event: FINISHED }]);
});

test('with the daemon its turns end, without an event', () => {
  turns.take(STARTED);
  turns.drop();
  expect(turns.all).toEqual([]);
  expect(ended).toEqual([{ turnId: 't', sessionId: 's', prompt: 'do it', doing: '' }]);
});

test('a turn’s cost counts once, however often it is told', () => {
  turns.take({ ...HEAD, kind: 'usageUpdated', usage: USAGE, cost: 0.1 });
  turns.take(FINISHED);
  const entry = {
    seq: 3,
    at: '',
    kind: 'turnEnded',
    turnId: 't',
    stopReason: 'end_turn',
    usage: USAGE,
    cost: 0.25,
    error: '',
  } as const;
  turns.remember('s', [entry, { ...entry, turnId: 'earlier', cost: 1 }]);
  expect(turns.spent('s')).toBe(1.25);
});

test('a cost that nobody knows is none, and not zero', () => {
  turns.take({ ...FINISHED, cost: null, costUnknown: true });
  expect(turns.spent('s')).toBeUndefined();
  expect(turns.spent(undefined)).toBeUndefined();
});
