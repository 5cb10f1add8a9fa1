/** VS Code for the browser, with a home, settings and extensions of its own. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const START_SECONDS = 120;
const STOP_SECONDS = 10;
const QUIET = {
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': 'off',
  'files.autoSave': 'off',
  'git.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
};

export type Settings = Record<string, unknown>;

export interface Setup {
  /** An empty folder for all that this VS Code writes. */
  home: string;
  /** The folder that it opens. */
  workspace: string;
  /** The folder of extensions, ours among them, which other VS Codes may share. */
  extensions: string;
  settings: Settings;
  environment: Record<string, string>;
  /** Whether it asks before it trusts the folder. */
  asksForTrust: boolean;
}

export class CodeServer {
  private constructor(
    private readonly setup: Setup,
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  static async start(setup: Setup): Promise<CodeServer> {
    writeConfiguration(setup);
    const port = await freePort();
    const server = new CodeServer(setup, spawnServer(setup, port), port);
    await server.answers();
    return server;
  }

  /** The page with the workspace open. */
  get address(): string {
    return `${this.root}/?folder=${encodeURIComponent(this.setup.workspace)}`;
  }

  /** Replaces the user's settings; VS Code notices by itself. */
  changeSettings(settings: Settings): void {
    writeSettings(this.setup.home, settings);
  }

  /** Ends it with everything that it started. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const force = setTimeout(() => this.child.kill('SIGKILL'), STOP_SECONDS * 1000);
    await ended;
    clearTimeout(force);
  }

  private get root(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  private async answers(): Promise<void> {
    const deadline = Date.now() + START_SECONDS * 1000;
    while (Date.now() < deadline) {
      const answer = await fetch(`${this.root}/healthz`).catch(() => undefined);
      if (answer?.ok) return;
      await pause(50);
    }
    await this.stop();
    throw new Error(`code-server did not come up:\n${readFileSync(logFile(this.setup), 'utf8')}`);
  }
}

function writeConfiguration(setup: Setup): void {
  mkdirSync(join(setup.home, 'data', 'User'), { recursive: true });
  mkdirSync(join(setup.home, 'data', 'Machine'), { recursive: true });
  writeFileSync(join(setup.home, 'code-server.yaml'), 'auth: none\n');
  writeSettings(setup.home, setup.settings);
}

/** Settings of scope `machine` are read from the machine's file alone, all others from the user's. */
function writeSettings(home: string, settings: Settings): void {
  for (const scope of ['Machine', 'User'])
    writeFileSync(join(home, 'data', scope, 'settings.json'), JSON.stringify({ ...QUIET, ...settings }));
}

function spawnServer(setup: Setup, port: number): ChildProcess {
  const log = openSync(logFile(setup), 'w');
  const quiet = ['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'];
  const trust = setup.asksForTrust ? [] : ['--disable-workspace-trust'];
  const child = spawn(
    'code-server',
    [...places(setup), '--bind-addr', `127.0.0.1:${port}`, ...quiet, ...trust, setup.workspace],
    { env: environment(setup.home, setup.environment), stdio: ['ignore', log, log] },
  );
  closeSync(log);
  return child;
}

function places({ home, extensions }: Setup): string[] {
  const data = ['--user-data-dir', join(home, 'data'), '--extensions-dir', extensions];
  return ['--config', join(home, 'code-server.yaml'), ...data];
}

/** The test's own environment without what would speak to the daemon or to another VS Code. */
export function environment(home: string, more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const dropped = /^(AGENT_LSP_|OPENAI_|ANTHROPIC_|VSCODE_|XDG_|NODE_)/;
  const inherited = Object.entries(process.env).filter(([name]) => !dropped.test(name));
  const places = { HOME: home, XDG_CONFIG_HOME: join(home, 'config'), XDG_STATE_HOME: join(home, 'state') };
  return { ...Object.fromEntries(inherited), ...places, LANG: 'C.UTF-8', ...more };
}

function logFile({ home }: Setup): string {
  return join(home, 'code-server.log');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
