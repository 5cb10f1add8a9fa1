import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.e2e.test.ts'],
    globalSetup: ['installed.ts'],
    // Each file drives a VS Code and a browser of its own: two at once would only wait for one another.
    fileParallelism: false,
    // A busy machine is slow, not wrong: these end what hangs.
    testTimeout: 180_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 40_000 } },
    reporters: ['verbose'],
  },
});
