import { expect, test } from 'vitest';

import { edit, editAll, POEM } from './poem';
import { sharedBench } from './shared';

const bench = sharedBench({ files: { 'poem.txt': POEM, 'mine.txt': 'one\n', 'other.txt': 'one\n' } });

test('what a turn changed is taken back but for what the user changed since, and made again', async () => {
  const { model, workbench, chat } = bench();
  const calls = [edit('red', 'white'), editAll('mine.txt', ['one', 'two']), editAll('other.txt', ['one', 'two'])];
  model.willSay({ calls }, { text: 'Three files.' });
  await workbench.openFile('poem.txt');
  await chat.ask('Change all three.');
  await chat.question.waitFor();
  await chat.answer('Allow for Session');
  await chat.says('Three files.');
  await chat.ended();
  await workbench.openFile('poem.txt');
  await expect.poll(() => workbench.text()).toBe('roses are white\nviolets are blue\n');
  bench().changeOnDisk('mine.txt', 'two, and mine\n');

  await workbench.command('Agent: Take Back What the Last Turn Changed');
  await workbench.notification('Left as it is: mine.txt').waitFor();
  await expect.poll(() => workbench.text()).toBe(POEM);
  await expect.poll(() => bench().onDisk('other.txt')).toBe('one\n');
  expect(bench().onDisk('mine.txt')).toBe('two, and mine\n');

  await workbench.command('Agent: Make Again What Was Taken Back');
  await expect.poll(() => workbench.text()).toBe('roses are white\nviolets are blue\n');
  await expect.poll(() => bench().onDisk('other.txt')).toBe('two\n');
  expect(bench().onDisk('mine.txt')).toBe('two, and mine\n');
});
