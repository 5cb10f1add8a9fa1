import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { Conversation } from '../../src/chat/port';
import type { SessionEntry } from '../../src/contract';
import { ShownConversation } from '../../src/conversation';
import { SessionFile } from '../../src/sessionFile';
import { folder } from './daemon/programs';

const ENTRY: SessionEntry = { seq: 1, at: '2026-01-01T00:00:00Z', kind: 'message', role: 'user', text: 'hello' };

let stored: SessionFile;
let called: unknown[];
let shown: Conversation[];

function opened(): ShownConversation {
  const call = <T>(command: string, params: object): Promise<T> => {
    called.push([command, params]);
    return Promise.resolve({ entries: [ENTRY], pendingApprovals: [] } as T);
  };
  const conversation = new ShownConversation(call, stored);
  conversation.onChange((one) => shown.push(one));
  return conversation;
}

beforeEach(() => {
  stored = new SessionFile(join(folder(), 'storage'));
  called = [];
  shown = [];
});

test('the session of the window before is shown again with its entries', async () => {
  stored.write('s1');
  const conversation = opened();
  await conversation.refresh();
  expect(called).toEqual([['agent.session', { sessionId: 's1' }]]);
  expect(shown).toEqual([{ sessionId: 's1', entries: [ENTRY] }]);
});

test('without one nothing is asked', async () => {
  await opened().refresh();
  expect(called).toEqual([]);
});

test('a new conversation gets its id by its first prompt, which shows nothing anew', () => {
  const conversation = opened();
  conversation.named('s2');
  expect(conversation.sessionId).toBe('s2');
  expect(stored.read()).toBe('s2');
  expect(shown).toEqual([]);
});

test('a new conversation forgets the session', () => {
  stored.write('s1');
  const conversation = opened();
  conversation.begin();
  expect(stored.read()).toBeUndefined();
  expect(shown).toEqual([{ entries: [] }]);
});

test('what was still being read when the user began a new conversation is not shown', async () => {
  stored.write('s1');
  const conversation = opened();
  const reading = conversation.refresh();
  conversation.begin();
  await reading;
  expect(shown).toEqual([{ entries: [] }]);
  expect(stored.read()).toBeUndefined();
});

test('without a workspace nothing is remembered', () => {
  const file = new SessionFile(undefined);
  file.write('s1');
  expect(file.read()).toBeUndefined();
});
