import { expect, test } from 'vitest';
import { handedOver, variable, type Inspected } from '../../../src/daemon/environment';
import { SETTINGS } from '../../../src/daemon/settingRows';

const handed = (settings: Record<string, Inspected>): unknown => handedOver((name) => settings[name] ?? {});

test('a setting has the name in the environment that the daemon looks for', () => {
  expect(variable('maxCostPerDay')).toBe('AGENT_LSP_MAX_COST_PER_DAY');
  expect(variable('model')).toBe('AGENT_LSP_MODEL');
});

test('what the user has set goes by the environment, where it may loosen', () => {
  expect(
    handed({ baseUrl: { user: 'http://localhost/v1' }, maxCost: { user: 50 }, model: { user: 'openai-chat:m' } }),
  ).toEqual({
    environment: {
      AGENT_LSP_BASE_URL: 'http://localhost/v1',
      AGENT_LSP_MAX_COST: '50',
      AGENT_LSP_MODEL: 'openai-chat:m',
    },
    editor: {},
  });
});

test('a workspace cannot name a URL, a folder or a window of the model', () => {
  const workspace = 'evil';
  expect(handed({ baseUrl: { workspace }, stateDir: { workspace }, contextWindow: { workspace: 9_000_000 } })).toEqual({
    environment: {},
    editor: {},
  });
});

test('what only the workspace has set is the editor’s word, which the daemon takes where it tightens', () => {
  expect(handed({ preset: { workspace: 'plan' }, maxSteps: { workspace: 3 } })).toEqual({
    environment: {},
    editor: { preset: 'plan', maxSteps: 3 },
  });
});

test('where both speak of a limit or the preset the tighter word is handed over', () => {
  const settings = {
    maxCost: { user: 10, workspace: 2 },
    maxSteps: { user: 10, workspace: 2_000 },
    preset: { user: 'confirm', workspace: 'plan' },
  };
  expect(handed(settings)).toEqual({
    environment: { AGENT_LSP_MAX_COST: '2', AGENT_LSP_MAX_STEPS: '10', AGENT_LSP_PRESET: 'plan' },
    editor: {},
  });
  expect(handed({ preset: { user: 'plan', workspace: 'auto' } })).toEqual({
    environment: { AGENT_LSP_PRESET: 'plan' },
    editor: {},
  });
  expect(handed({ maxSteps: { user: 5, workspace: '1' }, preset: { user: 'auto', workspace: 'none' } })).toEqual({
    environment: { AGENT_LSP_MAX_STEPS: '5', AGENT_LSP_PRESET: 'auto' },
    editor: {},
  });
});

test('where both name what is refused, asked about or never fetched, both lists are handed over', () => {
  expect(
    handed({
      deny: { user: ['run_command(git push)'], workspace: ['delete_file'] },
      webDeny: { user: ['a.example'], workspace: ['b.example'] },
    }),
  ).toEqual({
    environment: { AGENT_LSP_DENY: '["run_command(git push)"]', AGENT_LSP_WEB_DENY: '["a.example"]' },
    editor: { deny: ['delete_file'], webDeny: ['b.example'] },
  });
});

test('lists and tables are JSON in the environment, and an empty list of the user is one', () => {
  const prices = { 'my-model': { input: 1, output: 2 } };
  expect(
    handed({ prices: { user: prices }, localServers: { user: [] }, unsandboxedCommands: { user: false } }),
  ).toEqual({
    environment: {
      AGENT_LSP_PRICES: JSON.stringify(prices),
      AGENT_LSP_LOCAL_SERVERS: '[]',
      AGENT_LSP_UNSANDBOXED_COMMANDS: 'false',
    },
    editor: {},
  });
});

test('nothing that only the user may set is taken from a workspace', () => {
  const names = Object.entries(SETTINGS).flatMap(([name, { who }]) => (who === 'user' ? [name] : []));
  expect(names.length).toBeGreaterThan(15);
  expect(handed(Object.fromEntries(names.map((name) => [name, { workspace: 'evil' }])))).toEqual({
    environment: {},
    editor: {},
  });
});

test('a workspace may choose another model than the user’s', () => {
  expect(handed({ model: { user: 'anthropic:a', workspace: 'openai-chat:b' } })).toEqual({
    environment: {},
    editor: { model: 'openai-chat:b' },
  });
});

test('a workspace’s scripted model does not displace the user’s, and the daemon hears of it', () => {
  expect(handed({ model: { user: 'anthropic:a', workspace: 'scripted:evil.yaml' } })).toEqual({
    environment: { AGENT_LSP_MODEL: 'anthropic:a' },
    editor: { model: 'scripted:evil.yaml' },
  });
});
