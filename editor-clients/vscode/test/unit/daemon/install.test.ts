import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { bundledWheel, install, installedPython, removeOthers, type Installation } from '../../../src/daemon/install';
import { run } from '../../../src/daemon/process';
import { folder, script } from './programs';

const TIMEOUT = 60_000;
const BUILD = `
import sys, zipfile
folder, version, protocol = sys.argv[1:]
info = f"agent_lsp_daemon-{version}.dist-info"
with zipfile.ZipFile(f"{folder}/agent_lsp_daemon-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr("agent_lsp/__init__.py", "")
    answer = {"name": "agent-lsp", "version": version, "protocol": int(protocol)}
    wheel.writestr("agent_lsp/__main__.py", f"import json; print(json.dumps({answer!r}))")
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: agent-lsp-daemon\\nVersion: {version}\\nProvides-Extra: ripgrep\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", "")
`;

let at: Installation;

async function build(version: string, protocol = 1): Promise<string> {
  const wheelFolder = folder();
  writeFileSync(join(wheelFolder, 'constraints.txt'), '# nothing\n');
  expect(await run('python3', ['-c', BUILD, wheelFolder, version, String(protocol)])).toMatchObject({ code: 0 });
  return wheelFolder;
}

beforeEach(async () => {
  at = {
    storage: join(folder(), 'storage'),
    wheelFolder: await build('1.0'),
    environment: process.env,
    run,
    log: () => undefined,
    signal: new AbortController().signal,
  };
});

test(
  'the wheel is installed into an environment that is found again, and used without another install',
  { timeout: TIMEOUT },
  async () => {
    const wheel = await bundledWheel(at.wheelFolder);
    expect(wheel.environmentName).toMatch(/^daemon-1\.0-[0-9a-f]{12}$/);
    expect(await installedPython(at.storage, wheel)).toBeUndefined();
    const python = await install(at, wheel, 'python3');
    expect(await run(python, ['-I', '-m', 'agent_lsp'])).toMatchObject({ code: 0, stderr: '' });
    expect(await installedPython(at.storage, wheel)).toBe(python);
  },
);

test('of two windows that install at once one wins and both use the same', { timeout: TIMEOUT }, async () => {
  const wheel = await bundledWheel(at.wheelFolder);
  const [one, other] = await Promise.all([install(at, wheel, 'python3'), install(at, wheel, 'python3')]);
  expect(one).toBe(other);
  expect(readdirSync(at.storage)).toHaveLength(2); // the environment and its link
});

test('a wheel that says it is another daemon is not linked, and nothing is left', { timeout: TIMEOUT }, async () => {
  at = { ...at, wheelFolder: await build('1.0', 7) };
  const wheel = await bundledWheel(at.wheelFolder);
  await expect(install(at, wheel, 'python3')).rejects.toThrow('speaks protocol 7');
  expect(await installedPython(at.storage, wheel)).toBeUndefined();
  expect(readdirSync(at.storage)).toEqual([]);
});

test.each([
  ['[Errno 28] No space left on device', 'the disk is full'],
  ['Failed to establish a new connection: NameResolutionError', 'connect to the network'],
  ['The virtual environment was not created because ensurepip is not available.', 'python3-venv'],
  ['something else', 'The daemon could not be installed: something else'],
])('a failure that says %j is told with its remedy, and nothing is left', async (said, line) => {
  const python = script(folder(), 'python', `echo "${said}" >&2; exit 1`);
  await expect(install(at, await bundledWheel(at.wheelFolder), python)).rejects.toThrow(line);
  expect(readdirSync(at.storage)).toEqual([]);
});

test('a cancelled installation says so and leaves nothing', async () => {
  const ending = new AbortController();
  const python = script(folder(), 'python', 'echo begun; sleep 30');
  const log = (line: string): void => {
    if (line === 'begun') ending.abort();
  };
  const cancelled = install({ ...at, log, signal: ending.signal }, await bundledWheel(at.wheelFolder), python);
  await expect(cancelled).rejects.toThrow('The installation was cancelled');
  expect(readdirSync(at.storage)).toEqual([]);
});

test('after a good start the environments of other wheels go, and what another window is just making stays', async () => {
  const wheel = await bundledWheel(at.wheelFolder);
  const [linked, making, abandoned] = ['linked', 'making', 'abandoned'].map(
    (name) => `${wheel.environmentName}.${name}`,
  );
  const folders = [linked, making, abandoned, 'daemon-0.9-abcdefabcdef.old', 'somethingElse'];
  for (const name of folders) mkdirSync(join(at.storage, String(name)), { recursive: true });
  for (const name of [linked, abandoned]) utimesSync(join(at.storage, String(name)), 0, 0);
  symlinkSync(String(linked), join(at.storage, wheel.environmentName));
  symlinkSync('daemon-0.9-abcdefabcdef.old', join(at.storage, 'daemon-0.9-abcdefabcdef'));
  await removeOthers(at.storage, wheel);
  expect(readdirSync(at.storage).toSorted()).toEqual(
    [wheel.environmentName, linked, making, 'somethingElse'].toSorted(),
  );
});

test('an environment that somebody has removed is not used', async () => {
  const wheel = await bundledWheel(at.wheelFolder);
  mkdirSync(at.storage);
  symlinkSync('gone', join(at.storage, wheel.environmentName));
  expect(await installedPython(at.storage, wheel)).toBeUndefined();
});

test('an extension without a wheel says to name a daemon', async () => {
  await expect(bundledWheel('/nowhere')).rejects.toThrow('brings no daemon');
});

test('another wheel of the same version has an environment of its own', async () => {
  const one = await bundledWheel(at.wheelFolder);
  writeFileSync(one.path, Buffer.concat([readFileSync(one.path), Buffer.from('more')]));
  expect((await bundledWheel(at.wheelFolder)).environmentName).not.toBe(one.environmentName);
});
