/** Takes the pictures of the documentation from the real thing: `scripts/vscode pictures`. */

import { mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { Bench } from './bench';

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'docs', 'pictures');
const MOST_BYTES = 150_000;
const THEMES = { light: 'Default Light Modern', dark: 'Default Dark Modern', contrast: 'Default High Contrast' };
const SHOP = `"""Prices in the shop."""

VAT = 0.19


def gross(net):
    return net + VAT


def line(name, net):
    return f"{name:<20} {gross(net):>8.2f}"
`;

for (const [name, theme] of Object.entries(THEMES)) {
  test(`an open question, ${name}`, async () => {
    const bench = await Bench.start({
      workspace: join(tmpdir(), 'shop'),
      files: { 'shop.py': SHOP },
      settings: { 'workbench.colorTheme': theme, 'editor.minimap.enabled': false },
    });
    try {
      await askedToEdit(bench);
      await take(bench, `vscode-${name}.png`);
    } finally {
      await bench.stop();
    }
  });
}

async function askedToEdit({ model, workbench, chat }: Bench): Promise<void> {
  const look = { tool: 'read_file', arguments: { path: 'shop.py' } };
  const edits = [{ old_text: 'return net + VAT', new_text: 'return net * (1 + VAT)' }];
  model.willSay(
    { text: 'I’ll look at how the tax is added.', calls: [look] },
    {
      text: '`gross` adds the rate itself instead of the net price **times** the rate.',
      calls: [{ tool: 'edit_file', arguments: { path: 'shop.py', edits } }],
    },
  );
  await workbench.openFile('shop.py');
  await chat.ask('The prices with VAT are wrong. Fix it.');
  await chat.question.waitFor();
  await workbench.diff.locator('.line-insert').first().waitFor();
}

async function take({ workbench }: Bench, name: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const path = join(FOLDER, name);
  await workbench.page.screenshot({ path, animations: 'disabled' });
  expect(statSync(path).size).toBeLessThan(MOST_BYTES);
}
