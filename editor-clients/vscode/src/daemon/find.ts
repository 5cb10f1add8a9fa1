/** Where the daemon is: the program that the user names, else the one installed from the extension's own wheel. */

import { l10n } from 'vscode';
import { Problem, remedies } from '../problem';
import { bundledWheel, install, installedPython, MODULE, removeOthers, type Installation } from './install';
import { findPython } from './python';
import { checkedVersion, parsedVersion, VERSION_WORDS } from './version';

const VERSION_TIMEOUT = 20_000;

/** How the daemon is called; words such as `serve` come after `words`. */
export interface Program {
  command: string;
  words: readonly string[];
  /** Called once this program has served: what came before it is no longer needed. */
  onGoodStart: () => Promise<void>;
}

export interface Wishes {
  /** The user's own program; empty for the bundled one. */
  path: string;
  /** The Python that the user wants the environment made with; empty for whichever is found. */
  python: string;
}

/** Runs something long under a progress that the user can cancel. */
export type WithProgress = <T>(title: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** Finds the daemon, and installs it where need be. Throws a Problem. */
export async function findDaemon(
  wishes: Wishes,
  at: Omit<Installation, 'signal'>,
  withProgress: WithProgress,
): Promise<Program> {
  if (process.platform === 'win32') {
    throw new Problem(l10n.t('The agent runs on Linux and macOS: open this folder in WSL, or by Remote - SSH'));
  }
  return wishes.path ? named(wishes.path, at) : bundled(wishes.python, at, withProgress);
}

async function named(path: string, at: Omit<Installation, 'signal'>): Promise<Program> {
  const ran = await at.run(path, VERSION_WORDS, { environment: at.environment, timeout: VERSION_TIMEOUT });
  if (ran.code === undefined) {
    const line = l10n.t('{0}, named in agentLsp.daemon.path, cannot be run: {1}', path, ran.stderr);
    throw new Problem(line, remedies.setDaemonPath());
  }
  checkedVersion(path, parsedVersion(ran.stdout));
  return { command: path, words: [], onGoodStart: () => Promise.resolve() };
}

async function bundled(python: string, at: Omit<Installation, 'signal'>, withProgress: WithProgress): Promise<Program> {
  const wheel = await bundledWheel(at.wheelFolder);
  const make = async (signal: AbortSignal): Promise<string> =>
    install({ ...at, signal }, wheel, await findPython(at.run, at.environment, python));
  const command =
    (await installedPython(at.storage, wheel)) ?? (await withProgress(l10n.t('Installing the agent’s daemon'), make));
  return { command, words: MODULE, onGoodStart: () => removeOthers(at.storage, wheel) };
}
