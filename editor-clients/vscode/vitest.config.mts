import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'extension', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 },
        resolve: { alias: { vscode: file('test/vscode.ts') } },
      },
      {
        test: { name: 'page', include: ['webview/test/**/*.test.ts'], environment: 'happy-dom', testTimeout: 20_000 },
        resolve: { alias: { vscode: file('test/vscode.ts') } },
      },
    ],
  },
});
