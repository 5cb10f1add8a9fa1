import { expect, test } from 'vitest';
import type { ChatState } from '../../src/chat/port';
import { look, tooltip } from '../../src/status';

const READY: ChatState = {
  daemon: { kind: 'ready' },
  model: 'anthropic:claude_x',
  preset: 'confirm',
  sandbox: 'none',
  spent: 0.5,
};

test('a question goes before work, and work before rest', () => {
  expect(look({ state: READY, running: 1, asking: 1 })).toEqual({
    text: '$(question) Agent: asks',
    background: 'warning',
  });
  expect(look({ state: READY, running: 1, asking: 0 }).text).toBe('$(loading~spin) Agent: works');
  expect(look({ state: READY, running: 0, asking: 0 }).text).toBe('$(comment-discussion) Agent: ready');
});

test('a sandbox that is none or weaker is seen at rest', () => {
  expect(look({ state: { ...READY, confined: 'none' }, running: 0, asking: 0 })).toEqual({
    text: '$(shield) Agent: ready, no sandbox',
    background: 'warning',
  });
  expect(look({ state: { ...READY, confined: 'weaker' }, running: 0, asking: 0 })).toEqual({
    text: '$(shield) Agent: ready, weaker sandbox',
  });
  expect(look({ state: { ...READY, confined: 'fully' }, running: 0, asking: 0 }).text).toContain('Agent: ready');
});

test('what is in the way of the daemon is said before all else', () => {
  const failed: ChatState = { daemon: { kind: 'failed', line: 'no' } };
  expect(look({ state: failed, running: 1, asking: 1 })).toEqual({
    text: '$(error) Agent: not running',
    background: 'error',
  });
  expect(look({ state: { daemon: { kind: 'untrusted', line: '' } }, running: 0, asking: 0 }).text).toContain(
    'not trusted',
  );
});

test('the tooltip has model, preset, sandbox and spending, and nothing in it is Markdown', () => {
  expect(tooltip({ state: READY, running: 0, asking: 0 }).split('\n\n')).toEqual([
    'Model: anthropic:claude\\_x',
    'Preset: confirm',
    'Sandbox: none',
    'This session has cost \\$0\\.50',
  ]);
});

test('the tooltip says that something waits for trust', () => {
  const waitsForTrust = '/p/x is not read until you trust it';
  const lines = tooltip({ state: { ...READY, waitsForTrust }, running: 0, asking: 0 }).split('\n\n');
  expect(lines).toContain('Project settings: /p/x is not read until you trust it');
});
