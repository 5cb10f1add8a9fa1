// Builds the daemon's wheel from this checkout into wheel/, and lays the pinned versions of what it needs beside it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const checkout = join(here, '..', '..');
const wheel = join(here, 'wheel');

const hasPip = (python) => spawnSync(python, ['-m', 'pip', '--version']).status === 0;
const candidates = [
  process.env.SCRIPTS_VENV && join(process.env.SCRIPTS_VENV, 'bin', 'python'),
  join(checkout, '.venv', 'bin', 'python'),
  'python3',
];
const python = candidates.find(
  (candidate) => candidate && (candidate === 'python3' || existsSync(candidate)) && hasPip(candidate),
);
if (!python) {
  console.error('the wheel cannot be built: no Python with pip is here; run scripts/setup, or install python3-pip');
  process.exit(1);
}

rmSync(wheel, { recursive: true, force: true });
mkdirSync(wheel);
const pip = [
  '-m',
  'pip',
  'wheel',
  '--quiet',
  '--disable-pip-version-check',
  '--no-deps',
  '--wheel-dir',
  wheel,
  checkout,
];
const built = spawnSync(python, pip, { stdio: ['ignore', 'inherit', 'inherit'] });
if (built.status !== 0) process.exit(built.status ?? 1);
copyFileSync(join(checkout, 'constraints.txt'), join(wheel, 'constraints.txt'));
