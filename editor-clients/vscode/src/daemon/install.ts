/**
 * Installs the daemon from the wheel inside the extension into an environment of its own.
 *
 * An environment is built in a folder with a name of its own and becomes usable by one symbolic link, the last thing
 * made: what the link names is whole, and of two windows that install at once one wins.
 */

import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { l10n } from 'vscode';
import { Problem, remedies } from '../problem';
import type { Ran, Run } from './process';
import { checkedVersion, parsedVersion, VERSION_WORDS } from './version';

/** Isolated: else Python would import modules from the current folder, which may be a repository. */
export const MODULE = ['-I', '-m', 'agent_lsp'];

const VENV_TIMEOUT = 120_000;
const PIP_TIMEOUT = 900_000;
const ABANDONED = 3_600_000; // milliseconds after which an unfinished environment belongs to no living window

export interface Installation {
  /** Where environments are kept: a folder of the extension's own. */
  storage: string;
  /** The folder with the wheel and constraints.txt. */
  wheelFolder: string;
  environment: NodeJS.ProcessEnv;
  run: Run;
  log: (line: string) => void;
  signal: AbortSignal;
}

/** The wheel, and the name of the environment that is made from exactly this wheel. */
export interface Wheel {
  path: string;
  environmentName: string;
}

/** The wheel that the extension brings. Throws a Problem when it has none. */
export async function bundledWheel(wheelFolder: string): Promise<Wheel> {
  const names = await readdir(wheelFolder).catch(() => []);
  const name = names.find((one) => one.endsWith('.whl'));
  if (name === undefined) {
    const line = l10n.t('This build of the extension brings no daemon: name one in agentLsp.daemon.path');
    throw new Problem(line, remedies.setDaemonPath());
  }
  const path = join(wheelFolder, name);
  const digest = createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
    .slice(0, 12);
  return { path, environmentName: `daemon-${name.split('-')[1] ?? 'unknown'}-${digest}` };
}

/** The Python of an environment that is whole; undefined where there is none yet. */
export async function installedPython(storage: string, wheel: Wheel): Promise<string | undefined> {
  const target = await readlink(join(storage, wheel.environmentName)).catch(() => undefined);
  const python = target === undefined ? undefined : pythonOf(join(storage, target));
  return python !== undefined && (await exists(python)) ? python : undefined;
}

/** Makes the environment of a wheel and returns its Python. Throws a Problem, and leaves nothing half made. */
export async function install(at: Installation, wheel: Wheel, python: string): Promise<string> {
  await mkdir(at.storage, { recursive: true });
  const folder = await mkdtemp(join(at.storage, `${wheel.environmentName}.`));
  try {
    await fill(at, folder, wheel, python);
    await link(at.storage, wheel, folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const made = await installedPython(at.storage, wheel);
  if (made === undefined)
    throw new Problem(l10n.t('The daemon was removed while it was installed'), remedies.tryAgain());
  if (made !== pythonOf(folder)) await rm(folder, { recursive: true, force: true });
  return made;
}

/** Removes the environments of other wheels, and those that a killed window left unfinished. */
export async function removeOthers(storage: string, wheel: Wheel): Promise<void> {
  const linked = await readlink(join(storage, wheel.environmentName)).catch(() => undefined);
  if (linked === undefined) return;
  for (const name of await readdir(storage)) {
    const path = join(storage, name);
    if (!name.startsWith('daemon-') || name === wheel.environmentName || name === linked) continue;
    if (name.startsWith(`${wheel.environmentName}.`) && !(await abandoned(path))) continue;
    await rm(path, { recursive: true, force: true });
  }
}

async function fill(at: Installation, folder: string, wheel: Wheel, python: string): Promise<void> {
  const own = pythonOf(folder);
  const constraints = join(at.wheelFolder, 'constraints.txt');
  const pip = ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
  await step(at, VENV_TIMEOUT, python, ['-I', '-m', 'venv', folder]);
  await step(at, PIP_TIMEOUT, own, [...pip, '--constraint', constraints, `${wheel.path}[ripgrep]`]);
  const said = await step(at, VENV_TIMEOUT, own, [...MODULE, ...VERSION_WORDS]);
  checkedVersion(own, parsedVersion(said.stdout));
}

async function step(at: Installation, timeout: number, program: string, words: string[]): Promise<Ran> {
  at.log(`$ ${[program, ...words].join(' ')}`);
  const options = { environment: at.environment, signal: at.signal, timeout, onLine: at.log };
  const ran = await at.run(program, words, options);
  if (at.signal.aborted) throw new Problem(l10n.t('The installation was cancelled'), remedies.tryAgain());
  if (ran.code !== 0) throw failure(ran);
  return ran;
}

/** The one line for what pip or venv said. */
function failure(ran: Ran): Problem {
  const said = `${ran.stdout}\n${ran.stderr}`;
  if (said.includes('No space left on device')) {
    return new Problem(l10n.t('The daemon could not be installed: the disk is full'), remedies.tryAgain());
  }
  if (
    /NewConnectionError|NameResolutionError|name resolution|ProxyError|ConnectTimeout|ReadTimeout|SSLError|getaddrinfo/i.test(
      said,
    )
  ) {
    const line = l10n.t(
      'The daemon needs Python packages that could not be downloaded: connect to the network (or set pip’s index or proxy), then try again',
    );
    return new Problem(line, remedies.tryAgain());
  }
  if (said.includes('ensurepip')) {
    const line = l10n.t('Python’s ensurepip does not work: install it (Debian, Ubuntu: python3-venv), then try again');
    return new Problem(line, remedies.tryAgain());
  }
  const last = said.split('\n').findLast((line) => line.trim() !== '') ?? l10n.t('without a word');
  return new Problem(l10n.t('The daemon could not be installed: {0}', last.trim()), remedies.showLog());
}

async function link(storage: string, wheel: Wheel, folder: string): Promise<void> {
  const place = join(storage, wheel.environmentName);
  if ((await installedPython(storage, wheel)) !== undefined) return; // another window was faster
  await rm(place, { force: true }); // a link to what is gone
  try {
    await symlink(basename(folder), place);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another window was faster
  }
}

async function abandoned(path: string): Promise<boolean> {
  return Date.now() - (await lstat(path)).mtimeMs > ABANDONED;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function pythonOf(folder: string): string {
  return join(folder, 'bin', 'python');
}
