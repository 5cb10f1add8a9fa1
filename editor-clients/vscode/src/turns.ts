/** The turns that run in this window's daemon, and what turns have cost. */

import { EventEmitter } from 'vscode';
import type { AgentEvent, SessionEntry } from './contract';

export interface Turn {
  turnId: string;
  sessionId: string;
  prompt: string;
  /** What it does just now, in a few words; empty while the model is asked. */
  doing: string;
}

export interface EndedTurn extends Turn {
  /** How it ended: its last event; undefined when the daemon died. */
  event?: Extract<AgentEvent, { kind: 'turnFinished' }>;
}

export class Turns {
  private readonly running = new Map<string, Turn>();
  private readonly costs = new Map<string, Map<string, number>>();
  private readonly changes = new EventEmitter<undefined>();
  private readonly starts = new EventEmitter<Turn>();
  private readonly ends = new EventEmitter<EndedTurn>();

  readonly onChange = this.changes.event;
  readonly onStart = this.starts.event;
  readonly onEnd = this.ends.event;

  get all(): readonly Turn[] {
    return [...this.running.values()];
  }

  /** USD that a session's turns have cost; undefined while none has a known cost. */
  spent(sessionId: string | undefined): number | undefined {
    const costs = sessionId === undefined ? undefined : this.costs.get(sessionId);
    return costs && [...costs.values()].reduce((sum, cost) => sum + cost, 0);
  }

  take(event: AgentEvent): void {
    if ('cost' in event) this.note(event.sessionId, event.turnId, event.cost);
    const turn = this.running.get(event.turnId);
    switch (event.kind) {
      case 'turnStarted':
        this.begin({ turnId: event.turnId, sessionId: event.sessionId, prompt: event.prompt, doing: '' });
        return;
      case 'toolCallStarted':
        if (turn) this.running.set(event.turnId, { ...turn, doing: event.title });
        break;
      case 'toolCallFinished':
        if (turn) this.running.set(event.turnId, { ...turn, doing: '' });
        break;
      case 'turnFinished':
        this.running.delete(event.turnId);
        if (turn) this.ends.fire({ ...turn, event });
        break;
      case 'usageUpdated':
        break;
      default:
        return; // nothing of this is shown here
    }
    this.changes.fire(undefined);
  }

  /** What a stored session's turns have cost. */
  remember(sessionId: string, entries: readonly SessionEntry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'turnEnded') this.note(sessionId, entry.turnId, entry.cost);
    }
    this.changes.fire(undefined);
  }

  /** The daemon died: nothing runs any more. */
  drop(): void {
    const dropped = this.all;
    this.running.clear();
    for (const turn of dropped) this.ends.fire(turn);
    this.changes.fire(undefined);
  }

  private begin(turn: Turn): void {
    this.running.set(turn.turnId, turn);
    this.starts.fire(turn);
    this.changes.fire(undefined);
  }

  private note(sessionId: string, turnId: string, cost: number | null): void {
    if (cost === null) return;
    const costs = this.costs.get(sessionId) ?? new Map<string, number>();
    this.costs.set(sessionId, costs.set(turnId, cost));
  }
}
