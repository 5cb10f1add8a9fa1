import { expect, test } from 'vitest';
import { itemsOf, money } from '../../src/sessions';

const NOW = new Date('2026-06-02T12:00:00Z');
const session = (sessionId: string, updatedAt: string, title = 'Fix it'): Parameters<typeof itemsOf>[0][number] => ({
  sessionId,
  title,
  updatedAt,
  cost: 0.5,
  head: 1,
});

test('a new session stands first, then the stored ones, the latest first', () => {
  const sessions = [session('old', '2026-06-01T00:00:00Z'), session('new', '2026-06-02T00:00:00Z')];
  const items = itemsOf(sessions, 'old', NOW);
  expect(items.map((item) => item.session?.sessionId)).toEqual([undefined, undefined, 'new', 'old']);
  expect(items.at(-1)?.detail).toBe('shown now');
});

test('a title is no icon, and one that is empty is said to be', () => {
  const items = itemsOf([session('a', '2', '$(trash) x'), session('b', '1', ' ')], undefined, NOW);
  expect(items.slice(2).map((item) => item.label)).toEqual(['$ (trash) x', 'Without a title']);
});

test('money is shown in cents, less than one as such, unknown not at all', () => {
  expect([0, 0.004, 1.234, null, undefined].map(money)).toEqual(['$0.00', '< $0.01', '$1.23', '', '']);
});
