// Pictures of the chat page: every scene in three themes and two widths. `node shoot.mjs FOLDER [SCENE…]`
import { build } from 'esbuild';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { THEMES } from './themes.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const [target = 'pictures', ...wanted] = process.argv.slice(2);
const folder = resolve(target);
mkdirSync(folder, { recursive: true });
await build({
  entryPoints: [
    { in: `${here}main.ts`, out: 'scenes' },
    { in: `${here}../scenes.ts`, out: 'names' },
    { in: `${here}../../main.ts`, out: 'chat' },
    { in: `${here}../../style.css`, out: 'chat' },
  ],
  outdir: folder,
  bundle: true,
  format: 'esm',
  target: 'es2023',
  loader: { '.ttf': 'file' },
  assetNames: '[name]',
  alias: { vscode: `${here}../../../test/vscode.ts` },
});
const { SCENES } = await import(`file://${folder}/names.js`);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--allow-file-access-from-files'],
});
for (const [theme, variables] of Object.entries(THEMES)) {
  const style = Object.entries(variables).map(([name, value]) => `--vscode-${name}: ${value};`);
  writeFileSync(
    `${folder}/${theme}.html`,
    `<!doctype html><meta charset="utf-8"><style>html{${style.join('')}}body{background:var(--vscode-sideBar-background)}</style>
<link rel="stylesheet" href="chat.css"><body><script type="module">import './scenes.js'; await import('./chat.js');</script>`,
  );
  for (const width of [320, 480]) {
    const page = await browser.newPage({ viewport: { width, height: 760 }, reducedMotion: 'reduce' });
    page.on('pageerror', (error) => console.error(error));
    for (const scene of Object.keys(SCENES).filter((name) => wanted.length === 0 || wanted.includes(name))) {
      await page.goto(`file://${folder}/${theme}.html?scene=${scene}`);
      await page.locator('.composer').waitFor();
      await page.waitForTimeout(150);
      await page.screenshot({ path: `${folder}/${scene}-${theme}-${width}.png` });
    }
    await page.close();
  }
}
await browser.close();
