import { expect, test } from 'vitest';

import { endlessWords } from './model';
import { edit, POEM } from './poem';
import { sharedBench } from './shared';

const bench = sharedBench({ files: { 'poem.txt': POEM } });

test('after a reload the session is there, and goes on with what was said', async () => {
  const { model, workbench, chat } = bench();
  model.willSay({ text: 'Hello, Rose.' });
  await chat.ask('My name is Rose.');
  await chat.says('Hello, Rose.');
  await chat.ended();
  await workbench.reload();
  await chat.says('Hello, Rose.');
  model.willSay({ text: 'You are Rose.' });
  await chat.ask('Who am I?');
  await chat.says('You are Rose.');
  const words = model.last.messages.map((message) => message.content);
  expect(words).toEqual(expect.arrayContaining(['My name is Rose.', 'Hello, Rose.', 'Who am I?']));
});

test('a daemon that is killed in mid-turn is started again, and the session goes on', async () => {
  const { model, chat } = bench();
  model.willSay({ text: endlessWords() }, { text: 'I am back.' });
  await chat.ask('Talk until you drop.');
  await chat.says('word word');
  await bench().startsAnew(() => {
    bench().killDaemon();
  });
  await chat.ended();
  await chat.ask('Are you there?');
  await chat.says('I am back.');
  const words = model.last.messages.map((message) => message.content);
  expect(words).toEqual(expect.arrayContaining(['My name is Rose.', 'Talk until you drop.', 'Are you there?']));
});

test('a question that was open when the daemon was killed is gone, and nothing was changed', async () => {
  const { model, chat } = bench();
  model.willSay({ calls: [edit('red', 'white')] });
  await chat.ask('Make the roses white.');
  await chat.question.waitFor();
  await bench().startsAnew(() => {
    bench().killDaemon();
  });
  await chat.question.waitFor({ state: 'detached' });
  expect(bench().onDisk('poem.txt')).toBe(POEM);
});

test('a new session knows nothing of the old one, which can be picked again', async () => {
  const { model, workbench, chat } = bench();
  await workbench.command('Agent: New Session');
  await chat.log.filter({ hasText: 'Rose' }).waitFor({ state: 'detached' });
  model.willSay({ text: 'A stranger.' });
  await chat.ask('Who am I?');
  await chat.says('A stranger.');
  expect(model.last.messages.filter((message) => message.role === 'user')).toHaveLength(1);
  await workbench.command('Agent: Sessions…');
  await workbench.pick('My name is Rose.');
  await chat.says('Hello, Rose.');
});
