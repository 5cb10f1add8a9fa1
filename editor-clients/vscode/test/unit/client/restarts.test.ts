import { expect, test } from 'vitest';
import { Restarts } from '../../../src/client/restarts';

test('delays double, and after five starts within three minutes there is none', () => {
  const restarts = new Restarts(() => 0);
  expect([1, 2, 3, 4, 5, 6].map(() => restarts.next())).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, undefined]);
});

test('what is older than three minutes no longer counts', () => {
  let now = 0;
  const restarts = new Restarts(() => now);
  for (let time = 0; time < 5; time++) restarts.next();
  now = 179_999;
  expect(restarts.next()).toBeUndefined();
  now = 180_000;
  expect(restarts.next()).toBe(1_000);
});

test('a start by the user begins anew', () => {
  const restarts = new Restarts(() => 0);
  for (let time = 0; time < 6; time++) restarts.next();
  restarts.forget();
  expect(restarts.next()).toBe(1_000);
});
