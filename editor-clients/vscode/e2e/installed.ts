/** The extension, installed once for the VS Codes of all tests. */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { TestProject } from 'vitest/node';

import { environment } from './codeServer';

const VSIX = join(import.meta.dirname, '..', 'agent-lsp.vsix');

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of extensions. */
    extensions: string;
  }
}

/** Installs it before the first test, and removes it after the last. */
export default async function setup(project: TestProject): Promise<() => void> {
  const home = mkdtempSync(join(tmpdir(), 'agent-lsp-installed-'));
  const extensions = join(home, 'extensions');
  const configuration = join(home, 'code-server.yaml');
  writeFileSync(configuration, 'auth: none\n');
  const places = ['--config', configuration, '--user-data-dir', join(home, 'data'), '--extensions-dir', extensions];
  await promisify(execFile)('code-server', [...places, '--install-extension', VSIX], { env: environment(home) });
  project.provide('extensions', extensions);
  return () => {
    rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  };
}
