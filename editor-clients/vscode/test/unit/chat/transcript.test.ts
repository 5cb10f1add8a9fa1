import { expect, test } from 'vitest';
import type { AgentEvent, SessionEntry, TurnUsage } from '../../../src/contract';
import { withEntries } from '../../../src/chat/entries';
import { withEvent } from '../../../src/chat/events';
import { EMPTY, running, type Transcript } from '../../../src/chat/transcript';
import { ENTRIES, EVENTS } from './recorded';

const HEAD = { sessionId: 's', turnId: 't', seq: 5 };
const USAGE: TurnUsage = {
  inputTokens: 1,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 1,
  reasoningTokens: 0,
  toolCalls: 0,
  steps: 1,
};
const STARTED: AgentEvent = { ...HEAD, kind: 'turnStarted', prompt: 'go', model: 'm' };

const fold = (events: readonly AgentEvent[], from: Transcript = EMPTY): Transcript => events.reduce(withEvent, from);
const END = withEntries(fold(EVENTS), ENTRIES);

function delta(text: string, offset: number, seq = 5): AgentEvent {
  return { ...HEAD, seq, kind: 'textDelta', text, offset };
}

/** The entries that were written when an event was sent. */
function entriesAt(event: AgentEvent | undefined): SessionEntry[] {
  return ENTRIES.filter((entry) => entry.seq <= (event?.seq ?? 0));
}

/** What stands in a transcript: the user's words, the answers, the calls with how they ended. */
function lines(transcript: Transcript): string[] {
  return transcript.turns.flatMap(({ items }) =>
    items.flatMap((item) =>
      item.kind === 'user'
        ? [`> ${item.text}`]
        : item.pieces.map((piece) => {
            const call = piece.kind === 'call' ? transcript.calls[piece.callId] : undefined;
            return piece.kind === 'call' ? `${call?.title ?? call?.tool ?? ''} ${call?.status ?? ''}` : piece.text;
          }),
    ),
  );
}

/** Numbers that look random and are the same each time (a linear congruential generator, Numerical Recipes). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

test('a turn reads as it happened', () => {
  expect(lines(fold(EVENTS)).filter((line) => line.length < 60)).toEqual([
    '> Why does tests/test_tax.py fail? Fix it.',
    'Let me look at the function and at its test.',
    'Read src/tax.py done',
    "Search for 'gross' done",
    'Read src/taxes.py failed',
    '> Please keep the tests as they are.',
    'Let me look at the function and at its test.',
    'Read src/tax.py done',
    "Search for 'gross' done",
    'Read src/taxes.py failed',
    'Edit src/tax.py done',
    "Run echo one; echo two; echo '2 passed in 0.03s' done",
    'Delete tests/test_tax.py rejected',
  ]);
});

test('events and entries tell the same', () => {
  expect(lines(fold(EVENTS))).toEqual(lines(END));
  expect(fold(EVENTS).turns[0]?.ended).toEqual(withEntries(EMPTY, ENTRIES).turns[0]?.ended);
});

test('entries that come after any number of events lead to the same end', () => {
  for (let count = 0; count <= EVENTS.length; count += 1) {
    const before = withEntries(fold(EVENTS.slice(0, count)), ENTRIES);
    expect(fold(EVENTS.slice(count), before), `after ${count} events`).toEqual({ ...END, sessionId: 'session_1' });
  }
});

test('entries that are fetched in mid-turn lead to the same end', () => {
  for (let count = 1; count <= EVENTS.length; count += 1) {
    const before = withEntries(fold(EVENTS.slice(0, count)), entriesAt(EVENTS[count - 1]));
    expect(withEntries(fold(EVENTS.slice(count), before), ENTRIES), `after ${count} events`).toEqual(END);
  }
});

test('a view that is opened in mid-turn has all of it at the end', () => {
  for (let count = 1; count < EVENTS.length; count += 1) {
    const opened = withEntries({ ...EMPTY, sessionId: 'session_1' }, entriesAt(EVENTS[count]));
    const end = withEntries(fold(EVENTS.slice(count), opened), ENTRIES);
    expect(
      end.turns[0]?.items.map((item) => ({ ...item, told: 0 })),
      `from event ${count}`,
    ).toEqual(END.turns[0]?.items.map((item) => ({ ...item, told: 0 })));
  }
});

test('events that come twice change nothing', () => {
  expect(withEntries(fold(EVENTS.flatMap((event) => [event, event])), ENTRIES)).toEqual(END);
});

test('deltas that were left out are missed, and entries have them', () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const roll = dice(seed);
    const kept = EVENTS.filter((event) => !event.kind.endsWith('Delta') || roll() < 0.7);
    const end = fold(kept);
    expect(end.stale).toBe(true);
    expect(withEntries(end, ENTRIES)).toEqual(END);
  }
});

test('what entries and events did not change keeps its identity', () => {
  const before = fold(EVENTS.slice(0, 40));
  const after = fold(EVENTS.slice(40, 41), before);
  expect(after.turns[0]?.items[0]).toBe(before.turns[0]?.items[0]);
  expect(withEntries(END, ENTRIES).turns).toBe(END.turns);
});

test('offsets count characters and not UTF-16 units', () => {
  const after = fold([STARTED, delta('🙂🙂', 0), delta(' a', 2), delta('🙂 a', 1)]);
  expect(lines(after)).toEqual(['> go', '🙂🙂 a']);
  expect(after.stale).toBe(false);
});

test('a gap in an answer is known, and fetched once the answer is whole', () => {
  const gap = fold([STARTED, delta('one ', 0), delta('three', 8)]);
  expect(gap.turns[0]?.items[1]).toMatchObject({ gap: true });
  expect(gap.stale).toBe(false);
  expect(withEvent(gap, { ...HEAD, seq: 6, kind: 'usageUpdated', usage: USAGE, cost: 0 }).stale).toBe(true);
});

test('another session and a kind that is not known change nothing', () => {
  const before = fold([STARTED]);
  expect(withEvent(before, { ...STARTED, sessionId: 'other', turnId: 'u' })).toBe(before);
  const newer = { ...HEAD, kind: 'planUpdated' } as unknown as AgentEvent; // as: a kind of a later daemon
  expect(withEvent(before, newer).turns).toEqual(before.turns);
});

test('a turn whose beginning was not seen makes the transcript stale', () => {
  expect(withEvent({ ...EMPTY, sessionId: 's' }, delta('x', 10)).stale).toBe(true);
});

test('a retry is shown until the model says something', () => {
  const retry: AgentEvent = { ...HEAD, kind: 'retrying', reason: 'busy', attempt: 1, attempts: 3, seconds: 2 };
  const waiting = fold([STARTED, retry]);
  expect(waiting.turns[0]?.retry).toEqual({ reason: 'busy', attempt: 1, attempts: 3, seconds: 2 });
  expect(withEvent(waiting, delta('so', 0)).turns[0]).not.toHaveProperty('retry');
});

test('a turn runs until its end, or until its daemon is gone', () => {
  const open = fold([STARTED]);
  expect(running(open)).toBe(true);
  expect(running({ ...open, isLost: true })).toBe(false);
  const finished: AgentEvent = { ...HEAD, kind: 'turnFinished', stopReason: 'cancelled', usage: USAGE, cost: null };
  expect(running(withEvent(open, finished))).toBe(false);
});

test('words that joined wait until they are told', () => {
  const said: SessionEntry[] = [
    { seq: 1, at: '', kind: 'turnBegan', turnId: 't' },
    { seq: 2, at: '', kind: 'message', role: 'user', text: 'go' },
    { seq: 3, at: '', kind: 'promptTaken', text: 'faster' },
  ];
  const waiting = withEntries(EMPTY, said);
  expect(waiting.turns[0]?.taken).toEqual(['faster']);
  const told = withEvent(waiting, { ...HEAD, seq: 4, kind: 'promptJoined', prompt: 'faster' });
  expect(told.turns[0]?.taken).toEqual([]);
  expect(lines(told)).toEqual(['> go', '> faster']);
});
