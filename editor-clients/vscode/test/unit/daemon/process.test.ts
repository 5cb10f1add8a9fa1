import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../../src/daemon/process';
import { folder, script } from './programs';

test('a program’s code, streams and lines are told', async () => {
  const lines: string[] = [];
  const program = script(folder(), 'say', 'echo one; echo two >&2; exit 3');
  const ran = await run(program, [], { onLine: (line) => lines.push(line) });
  expect(ran).toEqual({ code: 3, stdout: 'one\n', stderr: 'two\n' });
  expect(lines.toSorted()).toEqual(['one', 'two']);
});

test('a program that is not there has no code and says why', async () => {
  const ran = await run('/nowhere/at/all', []);
  expect(ran).toEqual({ code: undefined, stdout: '', stderr: 'spawn /nowhere/at/all ENOENT' });
});

test('when it is cancelled, what it has started ends too', async () => {
  const at = folder();
  const ending = new AbortController();
  const onLine = (line: string): void => {
    if (line === 'started') ending.abort();
  };
  const program = script(at, 'long', `(sleep 0.3; touch ${join(at, 'late')}) & echo started; wait`);
  const ran = await run(program, [], { signal: ending.signal, onLine });
  expect(ran.code).toBe(137);
  await run('sleep', ['0.6']);
  expect(existsSync(join(at, 'late'))).toBe(false);
});

test('it is ended after its time', async () => {
  expect(await run('sleep', ['30'], { timeout: 50 })).toMatchObject({ code: 137 });
});
