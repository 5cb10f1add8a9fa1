import { expect, test } from 'vitest';

import { until } from './bench';
import { endlessWords, inTwoParts } from './model';
import { POEM } from './poem';
import { sharedBench } from './shared';

const BROKEN = '{ "roses": red }\n';
const bench = sharedBench({ files: { 'poem.txt': POEM, 'broken.json': BROKEN } });

test('a prompt from the palette carries the active file, and its answer streams into the chat view', async () => {
  const { model, workbench, chat } = bench();
  const gate = Promise.withResolvers<undefined>();
  model.willSay({ text: inTwoParts('They are ', gate.promise, '**red**.'), usage: { input: 1200, output: 8 } });
  await workbench.openFile('poem.txt');
  await chat.askFromPalette('What colour are the roses?');
  await chat.says('They are');
  await chat.stopButton.waitFor();
  gate.resolve(undefined);
  await chat.log.locator('strong', { hasText: 'red' }).waitFor();
  await chat.ended();
  expect(model.requests).toHaveLength(1);
  expect(model.heard).toContain('What colour are the roses?');
  expect(model.heard).toContain('poem.txt');
  await until('the turn is journalled', () => bench().journal.at(-1)?.is === 'TurnEnded');
  expect(bench().journal.at(-1)).toMatchObject({
    stop_reason: 'end_turn',
    usage: { input_tokens: 1200, output_tokens: 8 },
  });
});

test('the selection is attached and shown, and what the user drops is not sent', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ text: 'One.' }, { text: 'Two.' });
  await workbench.openFile('poem.txt');
  await workbench.page.keyboard.press('Control+Home');
  await workbench.page.keyboard.press('Shift+End');
  await chat.attachment.filter({ hasText: 'poem.txt' }).waitFor();
  await chat.ask('with it');
  await chat.says('One.');
  await chat.ended();
  expect(model.heard).toContain('roses are red');
  await chat.attachment.click();
  await chat.ask('without it');
  await chat.says('Two.');
  await chat.ended();
  expect(model.heard).toBe('without it');
});

test('stopping an answer closes the connection to the model', async () => {
  const { model, chat } = bench();
  model.willSay({ text: endlessWords() });
  await chat.ask('Talk.');
  await chat.says('word word');
  await chat.stopButton.click();
  await until('the daemon hung up', () => model.last.outcome === 'hung up');
  await chat.ended();
  await until('the turn is journalled', () => bench().journal.at(-1)?.is === 'TurnEnded');
  expect(bench().journal.at(-1)).toMatchObject({ stop_reason: 'cancelled' });
});

test('a prompt during a turn joins it before its next step', async () => {
  const { model, chat } = bench();
  const gate = Promise.withResolvers<undefined>();
  const look = { tool: 'read_file', arguments: { path: 'poem.txt' } };
  model.willSay({ text: inTwoParts('Looking', gate.promise, '.'), calls: [look] }, { text: 'I heard both.' });
  await chat.ask('Count the flowers.');
  await chat.says('Looking');
  await chat.ask('Only the red ones.');
  await chat.says('Only the red ones.');
  gate.resolve(undefined);
  await chat.says('I heard both.');
  await chat.ended();
  expect(model.requests).toHaveLength(2);
  expect(model.last.messages.at(-1)?.role).toBe('user');
  expect(model.heard).toContain('Only the red ones.');
});

test('a right click in the editor asks about the file', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ text: 'It is a poem.' });
  await workbench.openFile('poem.txt');
  await workbench.contextMenu('violets', 'Ask Agent');
  await workbench.answer('What is this?', 'Ask the agent');
  await chat.says('It is a poem.');
  await chat.ended();
  expect(model.heard).toContain('poem.txt');
});

test('the lightbulb of a problem has the agent fix it, and tells the model what it says', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ text: 'A word without quotes.' });
  await workbench.openFile('broken.json');
  await workbench.page.locator('.squiggly-error').first().waitFor();
  await workbench.command('Go to Next Problem (Error, Warning, Info)');
  await workbench.codeAction('Fix with the agent');
  await chat.says('A word without quotes.');
  await chat.ended();
  expect(model.heard).toContain('broken.json');
  expect(model.heard).toContain('Value expected');
});

test('the lightbulb of a selection asks about it', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ text: 'Blue is a colour.' });
  await workbench.openFile('poem.txt');
  await workbench.page.keyboard.press('Control+End');
  await workbench.page.keyboard.press('Shift+ArrowUp');
  await workbench.codeAction('Ask the agent about the selection');
  await workbench.answer('What is blue?', 'Ask the agent');
  await chat.says('Blue is a colour.');
  await chat.ended();
  expect(model.heard).toContain('violets are blue');
  expect(model.heard).not.toContain('roses are red');
});

test('the status bar says what the agent does', async () => {
  const { model, workbench, chat } = bench();
  const gate = Promise.withResolvers<undefined>();
  model.willSay({ text: inTwoParts('Work', gate.promise, 'ing.') });
  await workbench.status('Agent: ready').waitFor();
  await chat.ask('Work.');
  await workbench.status('Agent: works').waitFor();
  gate.resolve(undefined);
  await workbench.status('Agent: ready').waitFor();
});

test('what the model refuses is one line, and the next prompt can be asked', async () => {
  const { model, chat } = bench();
  model.willSay({ failure: { status: 401, message: 'no such key' } }, { text: 'Better now.' });
  await chat.ask('Try.');
  await chat.says('no such key');
  await chat.ended();
  await chat.ask('Try again.');
  await chat.says('Better now.');
});
