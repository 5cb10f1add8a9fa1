/** Keeps one daemon running for this window: starts it, starts it again when it dies, and says how it is. */

import { EventEmitter, l10n, type CancellationToken } from 'vscode';
import type { DaemonState } from '../chat/port';
import type { HandedOver } from '../daemon/environment';
import type { Program, Wishes } from '../daemon/find';
import { lineOf, Problem, remedies } from '../problem';
import type { Connection } from './connection';
import type { Restarts } from './restarts';

/** Which daemon is wished, and what it is to be given. */
export type Wanted = HandedOver & Wishes;

/** What starting a daemon takes; each of these may throw a Problem. */
export interface Parts {
  /** Why there can be no daemon now; undefined where there can. */
  hindrance: () => DaemonState | undefined;
  wanted: () => Promise<Wanted>;
  find: (wanted: Wanted) => Promise<Program>;
  connect: (program: Program, wanted: Wanted, onEnd: (how: string) => void) => Promise<Connection>;
  restarts: Restarts;
  wait: (milliseconds: number) => Promise<unknown>;
  log: (line: string) => void;
}

export class Daemon {
  private readonly states = new EventEmitter<DaemonState>();
  private readonly readiness = new EventEmitter<undefined>();
  private readonly ends = new EventEmitter<string>();
  private current: DaemonState = { kind: 'starting', line: l10n.t('The agent’s daemon starts') };
  private connection: Connection | undefined;
  private wanted: Wanted = { environment: {}, editor: {}, path: '', python: '' };
  private starting: Promise<void> = Promise.resolve();
  /** What an earlier start still does no longer counts. */
  private generation = 0;

  constructor(private readonly parts: Parts) {}

  readonly onState = this.states.event;
  /** A daemon has answered, the first or a later one. */
  readonly onReady = this.readiness.event;
  /** The daemon died; told how, before it is started again. */
  readonly onEnd = this.ends.event;

  get state(): DaemonState {
    return this.current;
  }

  /** The editor's settings that the running daemon was given. */
  get editorSettings(): Wanted['editor'] {
    return this.wanted.editor;
  }

  /** Starts the daemon, or another in its place. Never rejects: the state says what became of it. */
  async start(): Promise<void> {
    this.parts.restarts.forget();
    await this.startAfter(() => this.disconnected());
  }

  /** Calls a command, after the start that is under way. Rejects with one line for the user. */
  async call<T>(command: string, params: object, token?: CancellationToken): Promise<T> {
    await this.starting;
    if (this.connection === undefined) throw this.whyNot();
    return (await this.connection.call(command, params, token)) as T; // the contract's answer to this command
  }

  /** Whether other settings or keys than the running daemon's are wished, which it takes only when it starts. */
  async isOutdated(): Promise<boolean> {
    const atStart = (wanted: Wanted): string => JSON.stringify({ ...wanted, editor: undefined });
    return atStart(await this.parts.wanted()) !== atStart(this.wanted);
  }

  /** Tells the running daemon the editor's settings anew. */
  async tellSettings(): Promise<void> {
    this.wanted = { ...this.wanted, editor: (await this.parts.wanted()).editor };
    await this.connection?.settingsChanged();
  }

  /** The daemon's program with the environment it wants, for its other subcommands. Throws a Problem. */
  async programNow(): Promise<{ program: Program; wanted: Wanted }> {
    const wanted = await this.parts.wanted();
    return { program: await this.parts.find(wanted), wanted };
  }

  async stop(): Promise<void> {
    this.generation += 1;
    await this.disconnected();
  }

  private startAfter(before: () => Promise<unknown>): Promise<void> {
    this.generation += 1;
    const generation = this.generation;
    this.starting = before().then(() => this.begin(generation));
    return this.starting;
  }

  private async begin(generation: number): Promise<void> {
    const isCurrent = (): boolean => generation === this.generation;
    if (!isCurrent()) return;
    const hindrance = this.parts.hindrance();
    if (hindrance) {
      this.become(hindrance);
      return;
    }
    this.become({ kind: 'starting', line: l10n.t('The agent’s daemon starts') });
    try {
      const wanted = await this.parts.wanted();
      if (!isCurrent()) return;
      this.wanted = wanted;
      const program = await this.parts.find(wanted);
      if (!isCurrent()) return;
      const connection = await this.parts.connect(program, wanted, (how) => {
        if (isCurrent()) this.died(how);
      });
      if (!isCurrent()) {
        await connection.stop();
        return;
      }
      this.connection = connection;
      this.become({ kind: 'ready' });
      this.readiness.fire(undefined);
      await program.onGoodStart();
    } catch (error) {
      this.parts.log(lineOf(error));
      if (isCurrent() && this.connection === undefined) this.become(failed(error));
    }
  }

  private died(how: string): void {
    this.connection = undefined;
    const delay = this.parts.restarts.next();
    if (delay === undefined) {
      const line = l10n.t('The agent’s daemon ended again and again ({0})', how);
      this.become({ kind: 'failed', line, remedy: remedies.restart() });
    } else {
      const line = l10n.t('The agent’s daemon ended ({0}); it starts again in {1} s', how, delay / 1_000);
      this.become({ kind: 'starting', line });
      void this.startAfter(() => this.parts.wait(delay));
    }
    this.ends.fire(how);
  }

  private async disconnected(): Promise<void> {
    const connection = this.connection;
    this.connection = undefined;
    await connection?.stop();
  }

  private whyNot(): Problem {
    const state = this.current;
    if (state.kind === 'failed' || state.kind === 'untrusted') return new Problem(state.line, state.remedy);
    return new Problem(l10n.t('The agent’s daemon is not running'), remedies.restart());
  }

  private become(state: DaemonState): void {
    this.current = state;
    this.states.fire(state);
  }
}

function failed(error: unknown): DaemonState {
  const remedy = error instanceof Problem ? error.remedy : remedies.showLog();
  return { kind: 'failed', line: lineOf(error), ...(remedy && { remedy }) };
}
