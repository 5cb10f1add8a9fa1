import { beforeEach, expect, test } from 'vitest';
import type { CancellationToken } from 'vscode';
import { Questions, Withdrawn } from '../../../src/approvals/questions';
import type { Approval, DecideParams } from '../../../src/contract';
import { EventEmitter } from '../../vscode';

const approval = (approvalId: string): Approval => ({
  approvalId,
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
  choices: ['allow_once', 'reject'],
  sessionRule: '',
  alwaysRule: '',
});

let now: number;
let later: DecideParams[];
let settled: string[];
let questions: Questions;
let withdrawals: EventEmitter<undefined>;
let token: CancellationToken;

beforeEach(() => {
  now = 0;
  later = [];
  settled = [];
  questions = new Questions(
    () => now,
    (approvalId, decision) => Promise.resolve(void later.push({ approvalId, ...decision })),
  );
  questions.onSettled((approvalId) => settled.push(approvalId));
  withdrawals = new EventEmitter();
  token = {
    isCancellationRequested: false,
    onCancellationRequested: withdrawals.event as CancellationToken['onCancellationRequested'],
  };
});

test('the first answer counts, and the second is left alone', async () => {
  const answer = questions.ask(approval('a'), token);
  await questions.decide('a', { decision: 'reject', feedback: 'not now' });
  await questions.decide('a', { decision: 'allow_once' });
  expect(await answer).toEqual({ decision: 'reject', feedback: 'not now' });
  expect(settled).toEqual(['a']);
});

test('questions wait in the order they came', () => {
  void questions.ask(approval('a'), token);
  void questions.ask(approval('b'), token);
  expect(questions.all.map(({ approvalId }) => approvalId)).toEqual(['a', 'b']);
});

test('a question that the daemon withdraws is gone and its request is answered with that', async () => {
  const answer = questions.ask(approval('a'), token);
  withdrawals.fire(undefined);
  await expect(answer).rejects.toThrow(Withdrawn);
  expect(questions.all).toEqual([]);
});

test('with the daemon all its questions go', async () => {
  const answers = [questions.ask(approval('a'), token), questions.ask(approval('b'), token)];
  questions.drop();
  expect(await Promise.allSettled(answers)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  expect(settled).toEqual(['a', 'b']);
});

test('a yes by key to a question that has only just come is not taken; a no is', async () => {
  const answer = questions.ask(approval('a'), token);
  now = 499;
  await expect(questions.decideByKey('a', { decision: 'allow_once' })).rejects.toThrow('look at it first');
  expect(questions.all).toHaveLength(1);
  await questions.decideByKey('a', { decision: 'reject' });
  expect(await answer).toEqual({ decision: 'reject' });
});

test('a yes by key is taken after half a second', async () => {
  const answer = questions.ask(approval('a'), token);
  now = 500;
  await questions.decideByKey('a', { decision: 'allow_once' });
  expect(await answer).toEqual({ decision: 'allow_once' });
});

test('a question of a session that was opened anew is answered by command', async () => {
  questions.remind([approval('a'), approval('a')]);
  await questions.decide('a', { decision: 'allow_once' });
  expect(later).toEqual([{ approvalId: 'a', decision: 'allow_once' }]);
});

test('a question that is open already is not asked twice', () => {
  const asked: string[] = [];
  questions.onAsked(({ approvalId }) => asked.push(approvalId));
  void questions.ask(approval('a'), token);
  questions.remind([approval('a')]);
  expect(asked).toEqual(['a']);
});
