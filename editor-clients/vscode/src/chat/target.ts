/** Where a link of the model leads: to the web, or to a file of the workspace, and nowhere else. */

import { isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Target = { kind: 'web'; url: string } | { kind: 'file'; paths: readonly string[]; line?: number };

/** The target of a link as written; `paths` are where the file may be, one for each folder that it would lie in. */
export function targetOf(written: string, folders: readonly string[]): Target | undefined {
  if (/^https?:/i.test(written)) {
    return { kind: 'web', url: written };
  }
  const { path, line } = split(written);
  if (path === undefined) {
    return undefined;
  }
  const paths = folders
    .map((folder) => resolve(folder, path))
    .filter((found) => folders.some((folder) => isInside(found, folder)));
  return paths.length === 0
    ? undefined
    : { kind: 'file', paths: [...new Set(paths)], ...(line !== undefined && { line }) };
}

/** Whether a resolved path is a folder or lies beneath it. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && way !== '..' && !/^\.\.[\\/]/.test(way);
}

function split(written: string): { path?: string; line?: number } {
  const found = /^(?<path>[^#]*?)(?:(?:#L|:)(?<line>\d+).*)?$/.exec(written);
  const line = found?.groups?.line;
  const path = plain(found?.groups?.path ?? written);
  return { ...(path !== undefined && { path }), ...(line !== undefined && { line: Number(line) }) };
}

function plain(path: string): string | undefined {
  try {
    if (/^file:/i.test(path)) {
      return fileURLToPath(path);
    }
    return path === '' || /^[a-z][a-z0-9+.-]*:/i.test(path) ? undefined : decodeURIComponent(path);
  } catch {
    return undefined; // no file has such a name
  }
}
