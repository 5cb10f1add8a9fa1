import { expect, test } from 'vitest';
import type { SecretStorage } from 'vscode';
import { keyVariables } from '../../src/keys';

const stored = (keys: Record<string, string>): SecretStorage =>
  ({ get: (name: string) => Promise.resolve(keys[name]) }) as unknown as SecretStorage; // only this is used

test('each stored key is the variable that the daemon reads it from', async () => {
  const keys = { 'agentLsp.key.anthropic': 'a', 'agentLsp.key.openai': 'o', 'agentLsp.key.other': 'x' };
  expect(await keyVariables(stored(keys))).toEqual({
    ANTHROPIC_API_KEY: 'a',
    OPENAI_API_KEY: 'o',
    AGENT_LSP_API_KEY: 'x',
  });
});

test('without keys nothing of the environment is covered', async () => {
  expect(await keyVariables(stored({}))).toEqual({});
});
