/** Finds a Python that can make the daemon's environment. */

import { l10n } from 'vscode';
import { Problem, remedies } from '../problem';
import type { Run } from './process';

const OLDEST = 11; // of Python 3: the daemon's `requires-python`
const PROBE_TIMEOUT = 15_000;
const NAMES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];
const PROBE = `
import importlib.util, json, sys
whole = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
print(json.dumps([*sys.version_info[:2], whole]))
`;

type Found = 'missing' | 'old' | 'noVenv' | 'good';

/**
 * The first good one of the usual names; `chosen`, where the user names one, is the only candidate.
 * Throws a Problem that says what is missing.
 */
export async function findPython(run: Run, environment: NodeJS.ProcessEnv, chosen: string): Promise<string> {
  const findings: { name: string; found: Found; version: string }[] = [];
  for (const name of chosen ? [chosen] : NAMES) {
    const finding = await probed(run, environment, name);
    if (finding.found === 'good') return name;
    findings.push({ name, ...finding });
  }
  const best = findings.find(({ found }) => found === 'noVenv') ?? findings.find(({ found }) => found === 'old');
  throw new Problem(problem(best ?? { name: chosen || 'python3', found: 'missing', version: '' }), remedies.tryAgain());
}

async function probed(
  run: Run,
  environment: NodeJS.ProcessEnv,
  name: string,
): Promise<{ found: Found; version: string }> {
  const ran = await run(name, ['-I', '-c', PROBE], { environment, timeout: PROBE_TIMEOUT });
  const answer = ran.code === 0 ? /^\[(\d+), (\d+), (true|false)\]$/m.exec(ran.stdout) : null;
  if (!answer) return { found: 'missing', version: '' };
  const [major, minor] = [Number(answer[1]), Number(answer[2])];
  const version = `${major}.${minor}`;
  if (major !== 3 || minor < OLDEST) return { found: 'old', version };
  return { found: answer[3] === 'true' ? 'good' : 'noVenv', version };
}

function problem({ name, found, version }: { name: string; found: Found; version: string }): string {
  switch (found) {
    case 'noVenv':
      return l10n.t(
        '{0} (Python {1}) lacks the modules venv and ensurepip: install them (Debian, Ubuntu: python3-venv), then try again',
        name,
        version,
      );
    case 'old':
      return l10n.t(
        '{0} is Python {1}, but the agent needs 3.11 or newer: install one, or name it in agentLsp.daemon.python',
        name,
        version,
      );
    default:
      return l10n.t(
        '{0} is not there: install Python 3.11 or newer, or name it in agentLsp.daemon.python, then try again',
        name,
      );
  }
}
