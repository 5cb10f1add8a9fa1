import { expect, test } from 'vitest';

import { edit, POEM } from './poem';
import { sharedBench } from './shared';

const bench = sharedBench({ files: { 'poem.txt': POEM, '.agent/config.toml': 'preset = "plan"\n' } });

test('what a folder sets acts only once the user trusted exactly what is shown', async () => {
  const { chat, model, workbench } = bench();
  const question = workbench.notification('.agent/config.toml would set something');
  await workbench.page.locator('.monaco-editor .view-line', { hasText: 'preset = "plan"' }).waitFor();
  await question.getByText('Not Now', { exact: true }).click();
  await question.waitFor({ state: 'detached' });

  await workbench.command('Agent: Trust What This Folder Sets for the Agent…');
  await question.getByText('Trust', { exact: true }).click();
  await question.waitFor({ state: 'detached' });
  model.willSay({ calls: [edit('red', 'white')] }, { text: 'A plan only.' });
  await chat.ask('Make the roses white.');
  await chat.says('A plan only.');
  await chat.ended();
  expect(model.returned).toContain('plan');
  expect(bench().onDisk('poem.txt')).toBe(POEM);
});

test('it is asked about again when it says something else', async () => {
  const { chat, model, workbench } = bench();
  bench().changeOnDisk('.agent/config.toml', 'preset = "plan"\nsteps = 3\n');
  model.willSay({ text: 'Here.' });
  await chat.ask('Anyone there?');
  await chat.says('Here.');
  await workbench.notification('has changed since you trusted it').waitFor();
  await workbench.page.locator('.monaco-editor .view-line', { hasText: 'steps = 3' }).waitFor();
});

test('a question that takes the place of an open one keeps its text on the screen', async () => {
  const { chat, model, workbench } = bench();
  bench().changeOnDisk('.agent/config.toml', 'preset = "plan"\nsteps = 4\n');
  model.willSay({ text: 'There.' });
  await chat.ask('And now?');
  await chat.says('There.');
  const shown = workbench.page.locator('.monaco-editor .view-line', { hasText: 'steps = 4' });
  await shown.waitFor();
  await workbench.command('Notifications: Show Notifications');
  const question = workbench.page.locator('.notifications-center .notification-list-item', {
    hasText: 'since you trusted it',
  });
  await question.waitFor();
  expect(await question.count()).toBe(1); // VS Code has closed the one before
  expect(await shown.count()).toBe(1);
});
