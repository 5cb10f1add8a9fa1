/** One VS Code for the tests of a file. */

import { afterAll, afterEach, beforeAll } from 'vitest';

import { Bench, type Wishes } from './bench';

/** Starts a bench before the file's tests and stops it after them; a test that fails leaves a picture. */
export function sharedBench(wishes: Wishes = {}): () => Bench {
  let bench: Bench | undefined;
  beforeAll(async () => {
    bench = await Bench.start(wishes);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await bench?.keepPicture(task.name);
  });
  afterAll(() => bench?.stop());
  return () => {
    if (!bench) throw new Error('VS Code did not start');
    return bench;
  };
}
