/** Whether a program is the daemon that this extension was made for. */

import { l10n } from 'vscode';
import { PROTOCOL, SERVER_NAME } from '../contract';
import { Problem, remedies } from '../problem';

export const VERSION_WORDS = ['--version', '--json'];

/** What `agent-lsp --version --json` and the daemon's answer to `initialize` say. */
export interface Identity {
  name: unknown;
  version: unknown;
  protocol: unknown;
}

/** What a program printed for VERSION_WORDS; undefined where it is not the daemon's answer. */
export function parsedVersion(stdout: string): Identity | undefined {
  try {
    const answer: unknown = JSON.parse(stdout);
    if (typeof answer !== 'object' || answer === null) return undefined;
    return { name: undefined, version: undefined, protocol: undefined, ...answer };
  } catch {
    return undefined; // it is no JSON, so it is not ours
  }
}

/** Returns the version. Throws a Problem where the program is another one, or speaks another protocol. */
export function checkedVersion(program: string, identity: Identity | undefined): string {
  if (identity?.name !== SERVER_NAME) {
    const name = typeof identity?.name === 'string' ? identity.name : l10n.t('it does not say what');
    const line = l10n.t(
      '{0} is another program ({1}): set agentLsp.daemon.path to agent-lsp, or empty it',
      program,
      name,
    );
    throw new Problem(line, remedies.setDaemonPath());
  }
  const version = String(identity.version);
  if (identity.protocol !== PROTOCOL) {
    const newer = typeof identity.protocol === 'number' && identity.protocol > PROTOCOL;
    const what = newer ? l10n.t('update this extension') : l10n.t('update it, or empty agentLsp.daemon.path');
    const spoken = String(identity.protocol);
    const line = l10n.t(
      '{0} {1} speaks protocol {2}, this extension {3}: {4}',
      program,
      version,
      spoken,
      PROTOCOL,
      what,
    );
    throw new Problem(line, remedies.setDaemonPath());
  }
  return version;
}
