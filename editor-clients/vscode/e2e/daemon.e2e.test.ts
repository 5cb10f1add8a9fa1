import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { POEM } from './poem';
import { sharedBench } from './shared';

const bench = sharedBench({ files: { 'poem.txt': POEM }, settings: { 'agentLsp.daemon.path': '/nowhere/agent-lsp' } });

function useProgram(name: string, version: object): void {
  bench().changeSettings({ 'agentLsp.daemon.path': bench().otherProgram(name, version) });
}

test('a daemon that is not there is said in one line with the remedy', async () => {
  const { chat, workbench } = bench();
  await chat.fails('/nowhere/agent-lsp, named in agentLsp.daemon.path, cannot be run');
  await chat.banner.getByRole('button', { name: 'Open Settings' }).waitFor();
  await workbench.status('Agent: not running').waitFor();
});

test('a program of another project is refused by its name', async () => {
  useProgram('namesake', { name: 'other-lsp', version: '3.0', protocol: 1 });
  await bench().chat.fails('namesake is another program (other-lsp)');
});

test('a daemon that is too old is refused with what to do', async () => {
  useProgram('grandfather', { name: 'agent-lsp', version: '0.0.1', protocol: 0 });
  await bench().chat.fails('grandfather 0.0.1 speaks protocol 0, this extension 1: update it');
});

test('without a model the view says how to get one, and no other program was ever started', async () => {
  const { chat, model, workbench } = bench();
  expect(bench().daemons).toEqual([]);
  await bench().startsAnew(() => {
    bench().changeSettings({ 'agentLsp.model': null, 'agentLsp.baseUrl': null });
  });
  await chat.fails('model');
  await chat.banner.getByRole('button', { name: 'Choose a Model' }).waitFor();
  await workbench.status('Agent: no model').waitFor();
  expect(model.requests).toEqual([]);
});

test('a key from the palette reaches the model, and stands in no settings file', async () => {
  const { chat, model, workbench } = bench();
  await bench().startsAnew(() => {
    bench().changeSettings({});
  });
  await bench().startsAnew(async () => {
    await workbench.command('Agent: Set API Key…');
    await workbench.pick('Another server');
    await workbench.answer('a-secret', 'API key');
  });
  model.willSay({ text: 'Hello.' });
  await chat.ask('Is anybody there?');
  await chat.says('Hello.');
  expect(model.last.authorization).toBe('Bearer a-secret');
  for (const file of bench().settingsFiles) expect(readFileSync(file, 'utf8')).not.toContain('a-secret');
});

test('without a path the daemon is installed from the extension itself', async () => {
  const { chat, model, workbench } = bench();
  const started = bench().daemons.length;
  bench().changeSettings({ 'agentLsp.daemon.path': '' });
  const installing = workbench.notification('Installing the agent');
  await installing.waitFor();
  await installing.waitFor({ state: 'detached', timeout: INSTALL_MS });
  model.willSay({ text: 'Hello from the wheel.' });
  await chat.ask('And who are you?');
  await chat.says('Hello from the wheel.');
  expect(bench().daemons).toHaveLength(started);
}, 240_000);

const INSTALL_MS = 150_000;
