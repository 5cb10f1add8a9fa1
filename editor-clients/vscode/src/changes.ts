/** Takes changed settings, keys and trust to the daemon: at once where it can, else with a start between turns. */

import { Disposable, workspace, type SecretStorage } from 'vscode';
import type { Daemon } from './client/daemon';
import { SECTION } from './settings';
import type { Turns } from './turns';

/** What listens, and whom it tells. */
export interface Listening {
  daemon: Daemon;
  turns: Turns;
  secrets: SecretStorage;
  /** The editor's settings were told to the running daemon. */
  onTold: () => Promise<void>;
  log: (error: unknown) => void;
}

export function registerChanges(on: Listening): Disposable {
  const take = (): void => {
    taken(on).catch(on.log);
  };
  return Disposable.from(
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(SECTION)) take();
    }),
    on.secrets.onDidChange(take),
    on.turns.onEnd(take), // what changed during a turn was put off
    workspace.onDidGrantWorkspaceTrust(() => void on.daemon.start()),
    workspace.onDidChangeWorkspaceFolders(() => {
      if (on.daemon.state.kind === 'failed') void on.daemon.start();
    }),
  );
}

async function taken({ daemon, turns, onTold }: Listening): Promise<void> {
  if (turns.all.length > 0 || daemon.state.kind === 'untrusted') return;
  if (await daemon.isOutdated()) {
    await daemon.start();
  } else if (daemon.state.kind === 'ready') {
    await daemon.tellSettings();
    await onTold();
  }
}
