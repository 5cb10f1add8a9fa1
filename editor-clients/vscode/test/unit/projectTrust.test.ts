import { expect, test } from 'vitest';
import type { Memento } from 'vscode';
import type { ProjectTrust } from '../../src/contract';
import { textOf, waiting } from '../../src/projectTrust';

const WAITS: ProjectTrust = {
  trusted: false,
  digest: 'abc',
  files: [{ uri: 'file:///p/.agent/config.toml', text: 'preset = "plan"\n', problem: 'one\ntwo' }],
  changed: [],
};

function memory(): Memento {
  const kept = new Map<string, unknown>();
  return {
    keys: () => [...kept.keys()],
    get: (key: string) => kept.get(key),
    update: (key: string, value: unknown) => {
      kept.set(key, value);
      return Promise.resolve();
    },
  } as Memento;
}

const answering =
  (answer: ProjectTrust) =>
  <T>(): Promise<T> =>
    Promise.resolve(answer as T);

test('what waits is asked about once, and again when it is something else', async () => {
  const asked = memory();
  expect(await waiting({ call: answering(WAITS), asked })).toEqual(WAITS);
  expect(await waiting({ call: answering(WAITS), asked })).toBeUndefined();
  const other = { ...WAITS, digest: 'def' };
  expect(await waiting({ call: answering(other), asked })).toEqual(other);
});

test('what is trusted, and what is not there, is not asked about', async () => {
  expect(await waiting({ call: answering({ ...WAITS, trusted: true }), asked: memory() })).toBeUndefined();
  expect(await waiting({ call: answering({ ...WAITS, files: [], digest: '' }), asked: memory() })).toBeUndefined();
});

test('all of it is shown, with what of it has no effect', () => {
  expect(textOf(WAITS)).toBe('# /p/.agent/config.toml\npreset = "plan"\n\n! one\n! two\n');
});
