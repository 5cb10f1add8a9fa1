import { expect, test } from 'vitest';

import { POEM } from './poem';
import { sharedBench } from './shared';

const ofWorkspace = {
  'agentLsp.allow': ['edit_file'],
  'agentLsp.unsandboxedCommands': true,
  'agentLsp.checkpointDays': 0,
  'agentLsp.maxSteps': 7,
  'agentLsp.maxTokens': 9_000_000,
};
const bench = sharedBench({
  files: { 'poem.txt': POEM, '.vscode/settings.json': JSON.stringify(ofWorkspace) },
  settings: {
    'agentLsp.deny': ['delete_file'],
    'agentLsp.prices': { mock: { input: 1, output: 2 } },
    'agentLsp.localServers': [],
    'agentLsp.maxSteps': 40,
    'agentLsp.maxTokens': 100_000,
  },
});

test('the user’s settings reach the daemon whole, and of a workspace’s only what tightens', async () => {
  const { chat, model } = bench();
  model.willSay({ text: 'Hello.' });
  await chat.ask('Is anybody there?');
  await chat.says('Hello.');
  expect(bench().settingsOfDaemon).toEqual({
    AGENT_LSP_BASE_URL: model.url,
    AGENT_LSP_DENY: '["delete_file"]',
    AGENT_LSP_LOCAL_SERVERS: '[]',
    AGENT_LSP_MAX_STEPS: '7',
    AGENT_LSP_MAX_TOKENS: '100000',
    AGENT_LSP_MODEL: 'openai-chat:mock',
    AGENT_LSP_PRICES: '{"mock":{"input":1,"output":2}}',
  });
});
