import { expect, test } from 'vitest';

import { POEM } from './poem';
import { sharedBench } from './shared';

const bench = sharedBench({ files: { 'poem.txt': POEM }, asksForTrust: true });

test('in a folder that is not trusted no daemon runs, and the view says why', async () => {
  const { chat, model } = bench();
  await chat.fails('trust');
  expect(bench().daemons).toEqual([]);
  expect(model.requests).toEqual([]);
});

test('once the folder is trusted the agent works', async () => {
  const { chat, model, workbench } = bench();
  await workbench.trust();
  model.willSay({ text: 'Now I may.' });
  await chat.ask('May you?');
  await chat.says('Now I may.');
});
