import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['pictures.ts'],
    globalSetup: ['installed.ts'],
    testTimeout: 120_000,
    hookTimeout: 90_000,
  },
});
