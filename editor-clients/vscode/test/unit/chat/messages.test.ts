import { expect, test } from 'vitest';
import { parsed } from '../../../src/chat/messages';

test('what the page says is taken as it is meant', () => {
  const messages = [
    { type: 'ready' },
    { type: 'cancel' },
    { type: 'continue' },
    { type: 'newSession' },
    { type: 'pickSession' },
    { type: 'dismiss' },
    { type: 'ask', prompt: 'go', attach: true },
    { type: 'estimate', prompt: 'go', attach: false },
    { type: 'decide', approvalId: 'a', decision: { decision: 'reject', feedback: 'no' } },
    { type: 'decide', approvalId: 'a', decision: { decision: 'allow_once', hunks: ['1', '2'] } },
    { type: 'openDiff', approvalId: 'a' },
    { type: 'openLink', target: 'src/a.py' },
    { type: 'copy', text: 'x' },
    { type: 'remedy', of: 'daemon' },
  ];
  expect(messages.map(parsed)).toEqual(messages);
});

test('whatever is not exactly a message is dropped', () => {
  const wrong = [
    undefined,
    null,
    'ready',
    [],
    { type: 'run' },
    { type: 'ask', prompt: 1, attach: true },
    { type: 'ask', prompt: 'go' },
    { type: 'decide', approvalId: 'a', decision: { decision: 'yes' } },
    { type: 'decide', approvalId: 'a', decision: { decision: 'allow_once', hunks: [1] } },
    { type: 'decide', approvalId: 'a', decision: { decision: 'reject', feedback: {} } },
    { type: 'decide', decision: { decision: 'reject' } },
    { type: 'remedy', of: 'workbench.action.terminal.new' },
  ];
  expect(wrong.map(parsed)).toEqual(wrong.map(() => undefined));
});

test('fields that are not known go no further', () => {
  expect(parsed({ type: 'cancel', command: 'x' })).toEqual({ type: 'cancel' });
});
