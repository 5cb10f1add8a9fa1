/** What went wrong, in one line for the user, and what can be done about it. */

import { l10n } from 'vscode';
import type { Remedy } from './chat/port';

/** Its message is the line; the remedy is a button beside it. */
export class Problem extends Error {
  constructor(
    line: string,
    readonly remedy?: Remedy,
  ) {
    super(line);
  }
}

/** The buttons that a failure may offer; each runs a command of ours. */
export const remedies = {
  restart: (): Remedy => ({ label: l10n.t('Restart'), command: 'agentLsp.restart' }),
  tryAgain: (): Remedy => ({ label: l10n.t('Try Again'), command: 'agentLsp.restart' }),
  showLog: (): Remedy => ({ label: l10n.t('Show Log'), command: 'agentLsp.showLog' }),
  setDaemonPath: (): Remedy => ({ label: l10n.t('Open Settings'), command: 'agentLsp.openSettings' }),
  chooseModel: (): Remedy => ({ label: l10n.t('Choose a Model'), command: 'agentLsp.openWalkthrough' }),
  openFolder: (): Remedy => ({ label: l10n.t('Open Folder'), command: 'agentLsp.openFolder' }),
  trust: (): Remedy => ({ label: l10n.t('Manage Trust'), command: 'agentLsp.manageTrust' }),
};

/** The line of anything that was thrown. */
export function lineOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
