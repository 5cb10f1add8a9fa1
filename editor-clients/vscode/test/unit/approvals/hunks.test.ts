import { expect, test } from 'vitest';
import { choices, withHunks } from '../../../src/approvals/hunks';

const hunk = (id: string, oldStart: number, old: string, text: string): Parameters<typeof withHunks>[1][number] => ({
  id,
  oldStart,
  old,
  newStart: oldStart,
  new: text,
});

test('hunks replace, insert and delete lines where they stand', () => {
  const hunks = [hunk('1', 1, 'a\n', 'A\n'), hunk('2', 2, '', 'new\n'), hunk('3', 3, 'c\n', '')];
  expect(withHunks('a\nb\nc\nd', hunks)).toBe('A\nnew\nb\nd');
});

test('CR LF and CR end lines, and a form feed does not', () => {
  expect(withHunks('a\r\nb\rc\fd\ne', [hunk('1', 3, 'c\fd\n', 'x\n')])).toBe('a\r\nb\rx\ne');
});

test('a new file is made of nothing', () => {
  expect(withHunks('', [hunk('1', 1, '', 'all\nof it\n')])).toBe('all\nof it\n');
});

test('hunks of another text make none', () => {
  expect(withHunks('a\nb\n', [hunk('1', 2, 'c\n', 'x\n')])).toBeUndefined();
  expect(withHunks('a\nb\n', [hunk('1', 2, 'b\n', 'x\n'), hunk('2', 1, 'a\n', 'y\n')])).toBeUndefined();
});

test('a choice says where a hunk is and how it begins', () => {
  expect(choices([hunk('7', 12, '  old\nmore\n', 'new\n')], (line) => `line ${line}`)).toEqual([
    { id: '7', label: 'line 12: −2 +1', detail: '− old   + new' },
  ]);
});

test('what a list cannot show as it is, is escaped', () => {
  const [choice] = choices([hunk('1', 1, '', 'a\u202Eb $(trash)\n')], String);
  expect(choice?.detail).toBe('+ a\\u{202e}b $ (trash)');
});
