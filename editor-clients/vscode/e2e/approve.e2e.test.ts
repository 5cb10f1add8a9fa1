import { beforeEach, expect, test } from 'vitest';

import { inTwoParts } from './model';
import { edit, editAll, POEM, READ } from './poem';
import { sharedBench } from './shared';

const LONG = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`).join('');
const bench = sharedBench({ files: { 'poem.txt': POEM, 'long.txt': LONG } });

beforeEach(async () => {
  await bench().workbench.closeEditors();
});

test('an allowed change is in the editor, and one undo takes it back', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ text: 'I make them white.', calls: [edit('red', 'white')] }, { text: 'They are white.' });
  await workbench.openFile('poem.txt');
  await chat.ask('Make the roses white.');
  await chat.question.waitFor();
  await workbench.diff.filter({ hasText: 'white' }).waitFor();
  expect(bench().onDisk('poem.txt')).toBe(POEM);
  await chat.answer('Allow Once');
  await chat.says('They are white.');
  await chat.ended();
  await workbench.openFile('poem.txt');
  await expect.poll(() => workbench.text()).toBe('roses are white\nviolets are blue\n');
  expect(model.heard).toContain('done, in the editor');
  await workbench.page.keyboard.press('Control+Z');
  await expect.poll(() => workbench.text()).toBe(POEM);
  expect(bench().onDisk('poem.txt')).toBe(POEM);
});

test('a rejection with feedback changes nothing, and the model is told the words', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ calls: [READ] }, { calls: [edit('red', 'white')] }, { text: 'As you wish.' });
  await workbench.openFile('poem.txt');
  await chat.ask('Make the roses white.');
  await chat.reject('roses stay red');
  await chat.says('As you wish.');
  await chat.ended();
  expect(model.requests).toHaveLength(3);
  expect(model.heard).toBe('Not done: the user rejected it. They said: roses stay red');
  const decided = bench().journal.findLast((entry) => entry.is === 'Decided');
  expect(decided).toMatchObject({ choice: 'reject', feedback: 'roses stay red', answered: true });
  expect(bench().onDisk('poem.txt')).toBe(POEM);
});

test('only the hunks that are chosen are made', async () => {
  const { model, workbench, chat } = bench();
  const changes = [2, 9, 18].map((n): [string, string] => [`line ${n}\n`, `LINE ${n}\n`]);
  model.willSay({ calls: [editAll('long.txt', ...changes)] }, { text: 'Two of three.' });
  await workbench.openFile('long.txt');
  await chat.ask('Shout.');
  await chat.question.waitFor();
  await chat.question.getByRole('checkbox').nth(1).uncheck();
  await chat.answer('Allow 2 of 3');
  await chat.says('Two of three.');
  await chat.ended();
  await workbench.command('File: Save All');
  expect(model.heard).toContain('The user allowed 2 of 3 hunks');
  await expect
    .poll(() => bench().onDisk('long.txt'))
    .toBe(LONG.replace('line 2\n', 'LINE 2\n').replace('line 18\n', 'LINE 18\n'));
});

test('a question takes no key that is meant for the editor, and its notification answers it', async () => {
  const { model, workbench, chat } = bench();
  const gate = Promise.withResolvers<undefined>();
  model.willSay(
    { text: inTwoParts('Wait', gate.promise, '.'), calls: [edit('blue', 'grey')] },
    { text: 'Grey it is.' },
  );
  await chat.ask('Make the violets grey.');
  await chat.says('Wait');
  await workbench.openFile('poem.txt');
  await workbench.page.keyboard.press('Control+End');
  gate.resolve(undefined);
  await workbench.diff.waitFor();
  await workbench.page.keyboard.type('by me');
  await expect.poll(() => workbench.text()).toBe(`${POEM}by me`);
  await workbench.page.keyboard.press('Control+Z');
  await workbench.notification('Agent asks').getByText('Reject', { exact: true }).click();
  await chat.says('Grey it is.');
  await chat.ended();
  await workbench.notification('Agent asks').waitFor({ state: 'detached' });
  expect(model.returned).toBe('Not done: the user rejected it.');
  expect(bench().onDisk('poem.txt')).toBe(POEM);
});

test('a command is shown whole before it runs, and its result reaches the model', async () => {
  const { model, chat } = bench();
  const run = { tool: 'run_command', arguments: { command: 'echo tulips > more.txt && echo planted' } };
  model.willSay({ calls: [run] }, { text: 'Planted.' });
  await chat.ask('Plant tulips.');
  await chat.question.filter({ hasText: 'echo tulips > more.txt && echo planted' }).waitFor();
  await chat.answer('Allow Once');
  await chat.says('Planted.');
  await chat.ended();
  expect(model.heard).toContain('planted');
  expect(bench().onDisk('more.txt')).toBe('tulips\n');
});

test('stopping the turn takes its question back', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ calls: [edit('red', 'white')] });
  await chat.ask('Paint.');
  await chat.question.waitFor();
  await chat.stopButton.click();
  await chat.question.waitFor({ state: 'detached' });
  await workbench.diff.waitFor({ state: 'detached' });
  await workbench.status('Agent: ready').waitFor();
  expect(bench().onDisk('poem.txt')).toBe(POEM);
});
