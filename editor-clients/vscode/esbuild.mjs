// Bundles the extension for VS Code's extension host, and the chat page for its webview.
import { build } from 'esbuild';

await build({
  entryPoints: ['src/extension.ts'],
  outfile: 'dist/extension.js',
  bundle: true,
  minify: true,
  keepNames: true,
  format: 'cjs',
  platform: 'node',
  target: 'node22',
  external: ['vscode'],
  logLevel: 'warning',
});

await build({
  entryPoints: [
    { in: 'webview/main.ts', out: 'chat' },
    { in: 'webview/style.css', out: 'chat' },
  ],
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2023',
  loader: { '.ttf': 'file' },
  assetNames: '[name]',
  logLevel: 'warning',
});
