/** One VS Code with the extension, a workspace, the real daemon and a model that the test plays. */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { chromium, type Browser, type Page } from 'playwright-core';
import { inject } from 'vitest';

import { Chat } from './chat';
import { CodeServer, type Settings } from './codeServer';
import { journal, type Written } from './journal';
import { Model } from './model';
import { Workbench } from './workbench';

const FAILURES = join(import.meta.dirname, 'failures');
const PATIENCE_MS = 40_000;

export interface Wishes {
  /** The workspace's path, which pictures show; it is removed at the end. */
  workspace?: string;
  files?: Record<string, string>;
  /** On top of those that point to the daemon and the model. */
  settings?: Settings;
  asksForTrust?: boolean;
}

export class Bench {
  readonly model: Model;
  readonly workbench: Workbench;
  readonly chat: Chat;

  private constructor(
    private readonly home: string,
    private readonly workspace: string,
    private readonly parts: { codeServer: CodeServer; model: Model; page: Page; ending: AsyncDisposableStack },
  ) {
    this.model = parts.model;
    this.workbench = new Workbench(parts.page);
    this.chat = new Chat(this.workbench);
  }

  static async start(wishes: Wishes = {}): Promise<Bench> {
    await using ending = new AsyncDisposableStack(); // what was started when a later part fails is ended again
    const home = temporaryFolder(ending, mkdtempSync(join(tmpdir(), 'agent-lsp-e2e-')));
    const workspace = temporaryFolder(ending, wishes.workspace ?? join(home, 'garden'));
    for (const [name, text] of Object.entries(wishes.files ?? {})) {
      mkdirSync(dirname(join(workspace, name)), { recursive: true });
      writeFileSync(join(workspace, name), text);
    }
    const model = ending.adopt(await Model.start(), (started) => started.stop());
    const setup = {
      home,
      workspace,
      extensions: inject('extensions'),
      settings: { ...settingsFor(home, model), ...wishes.settings },
      environment: { AGENT_LSP_STATE_DIR: join(home, 'daemon') },
      asksForTrust: wishes.asksForTrust ?? false,
    };
    const codeServer = ending.adopt(await CodeServer.start(setup), (started) => started.stop());
    const browser = ending.adopt(await openBrowser(), (opened) => opened.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(PATIENCE_MS);
    await new Workbench(page).open(codeServer.address);
    return new Bench(home, workspace, { codeServer, model, page, ending: ending.move() });
  }

  /** A file of the workspace as it is on disk. */
  onDisk(name: string): string {
    return readFileSync(join(this.workspace, name), 'utf8');
  }

  /** Changes a file of the workspace behind VS Code's back, as another program does. */
  changeOnDisk(name: string, text: string): void {
    writeFileSync(join(this.workspace, name), text);
  }

  /** What the daemon has written down, oldest first. */
  get journal(): readonly Written[] {
    return journal(join(this.home, 'daemon'));
  }

  /** The process ids of all daemons that were started, oldest first. */
  get daemons(): readonly number[] {
    const file = join(this.home, 'started');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
  }

  /** The settings in the environment of the newest daemon, but for the state folder, which the tests set. */
  get settingsOfDaemon(): Record<string, string> {
    const variables = readFileSync(`/proc/${this.newestDaemon}/environ`, 'utf8').split('\0');
    const ours = variables.filter((line) => /^AGENT_LSP_(?!STATE_DIR|DAEMON)/.test(line));
    return Object.fromEntries(
      ours.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  /** Kills the newest daemon as a crash would. */
  killDaemon(): void {
    process.kill(this.newestDaemon, 'SIGKILL');
  }

  private get newestDaemon(): number {
    const pid = this.daemons.at(-1);
    if (pid === undefined) throw new Error('no daemon was started');
    return pid;
  }

  /** Sets these settings of the user's and no others, on top of those for daemon and model. */
  changeSettings(settings: Settings): void {
    this.parts.codeServer.changeSettings({ ...settingsFor(this.home, this.model), ...settings });
  }

  get settingsFiles(): readonly string[] {
    return ['User', 'Machine'].map((scope) => join(this.home, 'data', scope, 'settings.json'));
  }

  /** Does what makes the extension start its daemon anew, and waits for that. */
  async startsAnew(change: () => unknown): Promise<void> {
    const before = this.daemons.length;
    await change();
    await until('another daemon was started', () => this.daemons.length > before);
  }

  /** A program that says `--version` as if it were another than the daemon. */
  otherProgram(name: string, version: object): string {
    return script(join(this.home, name), `echo '${JSON.stringify(version)}'`);
  }

  /** Keeps a picture of the screen for whoever looks why a test failed. */
  async keepPicture(name: string): Promise<void> {
    mkdirSync(FAILURES, { recursive: true });
    const file = `${name.replaceAll(/\W+/g, '-')}.png`;
    await this.workbench.page.screenshot({ path: join(FAILURES, file) });
  }

  async stop(): Promise<void> {
    await this.parts.ending.disposeAsync();
  }
}

function temporaryFolder(ending: AsyncDisposableStack, folder: string): string {
  mkdirSync(folder, { recursive: true });
  return ending.adopt(folder, (made) => {
    rmSync(made, { recursive: true, force: true, maxRetries: 10 }); // what VS Code started may still write
  });
}

function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: required('CHROMIUM'),
    args: ['--no-sandbox', '--disable-dev-shm-usage'], // containers: run by root, with a small /dev/shm
  });
}

/** Waits until a statement about the world outside holds. Throws with its words when it does not. */
export async function until(words: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${words}`);
    await pause(20);
  }
}

/** A variable that scripts/vscode sets. */
export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with scripts/vscode e2e`);
  return value;
}

function settingsFor(home: string, model: Model): Settings {
  return {
    'agentLsp.daemon.path': daemon(home),
    'agentLsp.model': 'openai-chat:mock',
    'agentLsp.baseUrl': model.url,
  };
}

/** The real daemon behind a script that notes the process id of each start. */
function daemon(home: string): string {
  const note = `case "$1" in serve) echo $$ >>'${join(home, 'started')}' ;; esac`;
  return script(join(home, 'agent-lsp'), `${note}\nexec '${required('AGENT_LSP_DAEMON')}' "$@"`);
}

function script(file: string, lines: string): string {
  writeFileSync(file, `#!/bin/sh\n${lines}\n`);
  chmodSync(file, 0o755);
  return file;
}
