/**
 * Which session this workspace showed last, in a file of its own.
 *
 * VS Code's own memory of a workspace reaches the disk seconds later, and a window that is reloaded or killed before
 * that forgets it.
 */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class SessionFile {
  /** `folder` is the extension's storage for this workspace; undefined where there is no workspace. */
  constructor(private readonly folder: string | undefined) {}

  read(): string | undefined {
    if (this.folder === undefined) return undefined;
    try {
      return readFileSync(join(this.folder, 'session'), 'utf8') || undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** At once and whole; undefined forgets. */
  write(sessionId: string | undefined): void {
    if (this.folder === undefined) return;
    const file = join(this.folder, 'session');
    if (sessionId === undefined) {
      rmSync(file, { force: true });
      return;
    }
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(`${file}.new`, sessionId);
    renameSync(`${file}.new`, file);
  }
}
