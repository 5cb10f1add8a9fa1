/** Builds the daemon's keeper out of what VS Code has: settings, secrets, folders, progress. */

import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ProgressLocation, window, type ExtensionContext, type LogOutputChannel } from 'vscode';
import { connect, type ConnectionOptions } from './client/connection';
import { Daemon, type Wanted } from './client/daemon';
import { Restarts } from './client/restarts';
import { handedOver } from './daemon/environment';
import { findDaemon, type WithProgress } from './daemon/find';
import { run } from './daemon/process';
import { keyVariables } from './keys';
import { inspected, userProgram } from './settings';
import { hindrance } from './trust';

/** Who hears what a daemon says. */
export type Hearing = Pick<ConnectionOptions, 'onEvent' | 'onApproval'>;

export function newDaemon(context: ExtensionContext, output: LogOutputChannel, hearing: Hearing): Daemon {
  const environmentOf = (wanted: Wanted): NodeJS.ProcessEnv => ({ ...process.env, ...wanted.environment });
  const log = (line: string): void => {
    output.info(line);
  };
  const daemon: Daemon = new Daemon({
    hindrance,
    wanted: () => wantedNow(context),
    find: (wanted) => {
      const storage = context.globalStorageUri.fsPath;
      const wheelFolder = join(context.extensionPath, 'wheel');
      return findDaemon(wanted, { storage, wheelFolder, environment: environmentOf(wanted), run, log }, withProgress);
    },
    connect: ({ command, words }, wanted, onEnd) => {
      const editorSettings = (): Wanted['editor'] => daemon.editorSettings;
      const environment = environmentOf(wanted);
      return connect({ command, words, environment, editorSettings, output, ...hearing, onEnd });
    },
    restarts: new Restarts(Date.now),
    wait,
    log,
  });
  return daemon;
}

async function wantedNow(context: ExtensionContext): Promise<Wanted> {
  const { environment, editor } = handedOver(inspected);
  const keys = await keyVariables(context.secrets);
  const [path, python] = [userProgram('daemon.path'), userProgram('daemon.python')];
  return { environment: { ...environment, ...keys }, editor, path, python };
}

const withProgress: WithProgress = async (title, work) =>
  window.withProgress({ location: ProgressLocation.Notification, title, cancellable: true }, (_, token) => {
    const ending = new AbortController();
    token.onCancellationRequested(() => {
      ending.abort();
    });
    return work(ending.signal);
  });
