/** What turns changed, taken back and made again; told in one line. */

import { l10n, Uri, window, workspace } from 'vscode';
import { COMMAND, type RestoreAnswer } from './contract';
import type { ShownConversation } from './conversation';
import { Problem } from './problem';
import { notified } from './text';

export class History {
  constructor(
    private readonly call: <T>(command: string, params: object) => Promise<T>,
    private readonly conversation: ShownConversation,
  ) {}

  async undo(): Promise<void> {
    const told = await this.restored(COMMAND.undo);
    await tell(told, l10n.t('Agent: taken back: {0}', namesOf(told.restored)));
  }

  async redo(): Promise<void> {
    const told = await this.restored(COMMAND.redo);
    await tell(told, l10n.t('Agent: made again: {0}', namesOf(told.restored)));
  }

  private restored(command: string): Promise<RestoreAnswer> {
    const sessionId = this.conversation.sessionId;
    if (sessionId === undefined)
      throw new Problem(l10n.t('There is no session yet whose changes could be taken back.'));
    return this.call<RestoreAnswer>(command, { sessionId });
  }
}

/** What was kept is a warning, for the user expected otherwise. */
async function tell({ kept }: RestoreAnswer, line: string): Promise<void> {
  if (kept.length === 0) {
    await window.showInformationMessage(line);
    return;
  }
  const left = kept.map(({ uri, why }) => `${nameOf(uri)} (${why})`).join(', ');
  await window.showWarningMessage(`${line}. ${l10n.t('Left as it is: {0}', notified(left))}`);
}

function namesOf(uris: readonly string[]): string {
  return uris.length === 0 ? l10n.t('nothing') : notified(uris.map(nameOf).join(', '));
}

function nameOf(uri: string): string {
  return workspace.asRelativePath(Uri.parse(uri));
}
