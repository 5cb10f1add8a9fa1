import { expect, test } from 'vitest';
import { message } from '../../../src/approvals/notification';
import type { Approval } from '../../../src/contract';

const COMMAND: Approval = {
  approvalId: 'a1',
  sessionId: 's',
  turnId: 't',
  tool: 'run_command',
  kind: 'execute',
  title: 'run_command: make',
  detail: 'in /w: make',
  command: 'make',
  reason: 'every command asks',
  digest: 'd',
  expiresAt: '2026-01-01T00:00:00Z',
  choices: ['allow_once', 'allow_session', 'reject'],
  sessionRule: 'make',
  alwaysRule: '',
};

/** The links that VS Code makes of a notification's text, as label and target. */
function links(text: string): string[][] {
  return [...text.matchAll(/\[([^\]]+)\]\((?:command:)([^)\s]+)\)/g)].map(([, label, target]) => [
    String(label),
    decodeURIComponent(String(target)),
  ]);
}

test('a command is asked with every answer as a link that names its question', () => {
  expect(links(message(COMMAND, 0))).toEqual([
    ['Allow Once', 'agentLsp.allow?["a1"]'],
    ['Allow for This Session', 'agentLsp.allowForSession?["a1"]'],
    ['Reject', 'agentLsp.reject?["a1"]'],
    ['Reject and Say Why…', 'agentLsp.rejectWithFeedback?["a1"]'],
    ['Show', 'agentLsp.showQuestion?["a1"]'],
  ]);
});

test('an answer that the daemon does not offer is not offered', () => {
  const labels = links(message({ ...COMMAND, choices: ['allow_once', 'reject'] }, 0)).map(([label]) => label);
  expect(labels).not.toContain('Allow for This Session');
});

test('hunks can be chosen where there is more than one', () => {
  const hunk = { id: '1', oldStart: 1, old: '', newStart: 1, new: 'x\n' };
  const change = (hunks: (typeof hunk)[]): Approval => ({ ...COMMAND, diff: [{ uri: 'file:///w/a', hunks }] });
  const offers = (approval: Approval): boolean => message(approval, 0).includes('agentLsp.chooseHunks');
  expect([offers(change([hunk])), offers(change([hunk, { ...hunk, id: '2' }]))]).toEqual([false, true]);
});

test('a command line that looks like a link stays text', () => {
  const title = 'run_command: echo [Reject](command:agentLsp.allow?["a1"])';
  expect(links(message({ ...COMMAND, title }, 0))).toEqual(links(message(COMMAND, 0)));
});

test('the questions behind it are counted', () => {
  expect(message(COMMAND, 2)).toContain('run_command: make (2 more wait) — ');
});
