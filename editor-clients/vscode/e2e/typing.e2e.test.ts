import { setTimeout as pause } from 'node:timers/promises';

import { beforeEach, expect, test } from 'vitest';

import { inTwoParts, type Answer } from './model';
import { editAll } from './poem';
import { sharedBench } from './shared';

const MARKS = 5;
const BURSTS = 14;
const KEYS_A_BURST = 8;
const SHORT = 'roses are red\n\nviolets are blue\n';
const LONG = marks((mark) => `line ${mark}\n\nmine ${mark}:\n\n`);
const bench = sharedBench({ files: { 'short.txt': SHORT, 'long.txt': LONG } });

beforeEach(async () => {
  await bench().workbench.closeEditors();
});

test('what is typed while the question is open stays, and one undo takes back the edit alone', async () => {
  const { model, workbench, chat } = bench();
  await asksInShort('Make the roses white.');
  await workbench.page.keyboard.type('by me');
  await chat.answer('Allow Once');
  await chat.says('So it is.');
  await chat.ended();
  await workbench.openFile('short.txt');
  await expect.poll(() => workbench.text()).toBe('roses are white\n\nviolets are blue\nby me');
  expect(model.returned).toContain('both changes were kept');
  await workbench.page.keyboard.press('Control+Z');
  await expect.poll(() => workbench.text()).toBe(`${SHORT}by me`);
});

test('the agent is shown both sides of a line that the user has typed in', async () => {
  const { model, workbench, chat } = bench();
  await asksInShort('Make the roses white.');
  await workbench.goToLine(1);
  await workbench.page.keyboard.type(' as blood');
  await chat.answer('Allow Once');
  await chat.says('So it is.');
  await chat.ended();
  expect(model.returned).toContain('[now, from line 1:]\nroses are red as blood\n[you wanted:]\nroses are white\n');
  await workbench.openFile('short.txt');
  await expect.poll(() => workbench.text()).toBe(SHORT.replace('red', 'red as blood'));
});

test('no keystroke is lost whenever edits come, and each is an undo step of its own', async () => {
  const { model, workbench, chat } = bench();
  const dice = seeded(5);
  const gate = Promise.withResolvers<undefined>();
  const [first = {}, ...others] = Array.from({ length: MARKS }, (_, mark) => insistentEdits(mark, dice));
  model.willSay({ ...first, text: inTwoParts('I', gate.promise, ' begin.') }, ...others, { text: 'All lines.' });
  await chat.ask('Shout.');
  await chat.says('I');
  await workbench.openFile('long.txt');
  gate.resolve(undefined);
  await chat.answer('Allow for Session');
  await workbench.diff.waitFor({ state: 'detached' });
  await workbench.openFile('long.txt');
  const typed = Array.from({ length: MARKS }, () => '');
  for (let burst = 0; burst < BURSTS; burst++) {
    const mark = dice(MARKS);
    const text = Array.from({ length: KEYS_A_BURST }, () => 'abcdefgh'.charAt(dice(8))).join('');
    await workbench.goToLine(4 * mark + 3);
    await workbench.page.keyboard.type(text, { delay: dice(60) });
    typed[mark] = (typed[mark] ?? '') + text;
  }
  await chat.says('All lines.');
  await chat.ended();
  const wanted = marks((mark) => `LINE ${mark}!\n\nmine ${mark}:${typed[mark]}\n\n`);
  await expect.poll(() => workbench.text()).toBe(wanted);
  const texts = await undoneTo(LONG);
  const steps = texts.slice(1).map((text, index): [string, string] => [texts[index] ?? '', text]);
  expect(steps.filter(([from, to]) => agents(from) !== agents(to))).toHaveLength(MARKS);
  expect(steps.filter(([from, to]) => agents(from) !== agents(to) && mine(from) !== mine(to))).toEqual([]);
}, 90_000);

/** Asks, with the cursor at the end of short.txt once the question is there. */
async function asksInShort(prompt: string): Promise<void> {
  const { model, workbench, chat } = bench();
  const gate = Promise.withResolvers<undefined>();
  const calls = [editAll('short.txt', ['red', 'white'])];
  model.willSay({ text: inTwoParts('Wait', gate.promise, '.'), calls }, { text: 'So it is.' });
  await chat.ask(prompt);
  await chat.says('Wait');
  await workbench.openFile('short.txt');
  await workbench.page.keyboard.press('Control+End');
  gate.resolve(undefined);
  await workbench.diff.waitFor();
}

/** As a model that edits again when it is told that the user typed since it read; once made, the next do not fit. */
function insistentEdits(mark: number, dice: (sides: number) => number): Answer {
  const edit = editAll('long.txt', [`line ${mark}\n`, `LINE ${mark}!\n`]);
  const read = { tool: 'read_file', arguments: { path: 'long.txt' } };
  return { text: slowly(dice(900)), calls: [read, edit, edit, edit] };
}

async function* slowly(milliseconds: number): AsyncGenerator<string> {
  await pause(milliseconds);
  yield 'The next. ';
}

/** The texts from now on at each undo, until it is this one. */
async function undoneTo(oldest: string): Promise<string[]> {
  const { workbench } = bench();
  const texts = [await workbench.text()];
  for (let text = texts[0]; text !== oldest; text = texts.at(-1)) {
    await workbench.page.keyboard.press('Control+Z');
    await expect.poll(() => workbench.text()).not.toBe(text);
    texts.push(await workbench.text());
  }
  return texts;
}

function marks(four: (mark: number) => string): string {
  return Array.from({ length: MARKS }, (_, mark) => four(mark)).join('');
}

const agents = (text: string): string => linesWith(text, /^line/i);
const mine = (text: string): string => linesWith(text, /^mine/);

function linesWith(text: string, pattern: RegExp): string {
  return text
    .split('\n')
    .filter((line) => pattern.test(line))
    .join('\n');
}

/** Whole numbers below `sides`, the same with each run (Park and Miller's generator). */
function seeded(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % sides;
  };
}
