/** Installs the small bundled model, for those who have neither a key nor a server. */

import { l10n, ProgressLocation, window, type LogOutputChannel } from 'vscode';
import type { Daemon } from './client/daemon';
import { run } from './daemon/process';
import { Problem, remedies } from './problem';

/** Has the daemon's program fetch it, and starts the daemon anew with it. */
export async function installModel(daemon: Daemon, output: LogOutputChannel): Promise<void> {
  const { program, wanted } = await daemon.programNow();
  const environment = { ...process.env, ...wanted.environment };
  const options = {
    location: ProgressLocation.Notification,
    title: l10n.t('Installing the small model'),
    cancellable: true,
  };
  const ran = await window.withProgress(options, (progress, token) => {
    const ending = new AbortController();
    token.onCancellationRequested(() => {
      ending.abort();
    });
    const onLine = (line: string): void => {
      output.info(line);
      progress.report({ message: line });
    };
    return run(program.command, [...program.words, 'model', 'install'], { environment, signal: ending.signal, onLine });
  });
  if (ran.code !== 0) {
    const last = ran.stderr.trim().split('\n').at(-1) ?? '';
    throw new Problem(
      l10n.t('The small model was not installed: {0}', last || l10n.t('it was cancelled')),
      remedies.showLog(),
    );
  }
  await daemon.start();
}
