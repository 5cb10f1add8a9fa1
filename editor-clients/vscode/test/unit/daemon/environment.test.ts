import { expect, test } from 'vitest';
import { handedOver, variable, type Inspected } from '../../../src/daemon/environment';

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
});

test('a workspace may choose another model than the user’s', () => {
  expect(handed({ model: { user: 'anthropic:a', workspace: 'openai-chat:b' } })).toEqual({
    environment: {},
    editor: { model: 'openai-chat:b' },
  });
});
