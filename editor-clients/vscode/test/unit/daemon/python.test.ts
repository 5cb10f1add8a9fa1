import { expect, test } from 'vitest';
import { run } from '../../../src/daemon/process';
import { findPython } from '../../../src/daemon/python';
import { folder, script } from './programs';

const pythons = (answers: Record<string, string>): NodeJS.ProcessEnv => {
  const at = folder();
  for (const [name, answer] of Object.entries(answers)) script(at, name, `echo '${answer}'`);
  return { PATH: at };
};

test('the first Python that is new enough and whole is taken', async () => {
  const environment = pythons({
    python3: '[3, 9, true]',
    'python3.13': '[3, 13, false]',
    'python3.12': '[3, 12, true]',
  });
  expect(await findPython(run, environment, '')).toBe('python3.12');
});

test('the Python of this machine is one', async () => {
  expect(await findPython(run, process.env, 'python3')).toBe('python3');
});

test('the one that the user names is the only one', async () => {
  const environment = pythons({ python3: '[3, 13, true]', python2: '[2, 7, false]' });
  await expect(findPython(run, environment, 'python2')).rejects.toThrow(
    'python2 is Python 2.7, but the agent needs 3.11 or newer: install one, or name it in agentLsp.daemon.python',
  );
});

test('without any Python the line says to install one', async () => {
  await expect(findPython(run, pythons({}), '')).rejects.toThrow(
    'python3 is not there: install Python 3.11 or newer, or name it in agentLsp.daemon.python, then try again',
  );
});

test('a Python without venv is told with the package that brings it', async () => {
  await expect(findPython(run, pythons({ python3: '[3, 11, false]' }), '')).rejects.toThrow(
    'python3 (Python 3.11) lacks the modules venv and ensurepip: install them (Debian, Ubuntu: python3-venv), then try again',
  );
});
