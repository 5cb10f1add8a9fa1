/** Where the agent may not work yet, and why. */

import { l10n, workspace } from 'vscode';
import type { DaemonState } from './chat/port';
import { remedies } from './problem';

/** Undefined where the agent may work. In a folder that is not trusted no daemon runs at all. */
export function hindrance(): DaemonState | undefined {
  if (!workspace.isTrusted) {
    const line = l10n.t('You have not trusted this folder, so the agent does nothing here');
    return { kind: 'untrusted', line, remedy: remedies.trust() };
  }
  if (!workspace.workspaceFolders?.some((folder) => folder.uri.scheme === 'file')) {
    return { kind: 'failed', line: l10n.t('The agent works in a folder: open one'), remedy: remedies.openFolder() };
  }
  return undefined;
}
