/** Opens what a link of the model leads to, if it may. */

import { realpath } from 'node:fs/promises';
import { env, l10n, Range, Uri, window, workspace } from 'vscode';
import { isInside, targetOf } from './target';

/** Opens a web page in the browser, or a file of the workspace in an editor. Throws an Error with one line for the user. */
export async function openTarget(written: string): Promise<void> {
  const folders =
    workspace.workspaceFolders?.filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath) ?? [];
  const target = targetOf(written, folders);
  if (!target) {
    throw new Error(l10n.t('{0} is neither a web address nor a file of this workspace.', written));
  }
  if (target.kind === 'web') {
    await env.openExternal(Uri.parse(target.url, true));
    return;
  }
  const path = await existing(target.paths, folders);
  if (path === undefined) {
    throw new Error(l10n.t('There is no file {0} in this workspace.', written));
  }
  const line = Math.max(0, (target.line ?? 1) - 1);
  await window.showTextDocument(Uri.file(path), { selection: new Range(line, 0, line, 0) });
}

/** The first path that exists and, links followed, still lies in a folder of the workspace. */
async function existing(paths: readonly string[], folders: readonly string[]): Promise<string | undefined> {
  const real = await Promise.all(folders.map((folder) => realpath(folder)));
  for (const path of paths) {
    const found = await realpath(path).catch(() => undefined);
    if (found !== undefined && real.some((folder) => isInside(found, folder))) return path;
  }
  return undefined;
}
