/** The conversation that is shown. Its id survives a reload of the window; its entries are the daemon's. */

import { EventEmitter } from 'vscode';
import type { Conversation } from './chat/port';
import { COMMAND, type Approval, type SessionEntry, type SessionAnswer, type StoredSession } from './contract';
import type { SessionFile } from './sessionFile';

type Call = <T>(command: string, params: object) => Promise<T>;

export interface Opened {
  sessionId: string;
  entries: readonly SessionEntry[];
  pendingApprovals: readonly Approval[];
}

export class ShownConversation {
  private readonly changes = new EventEmitter<Conversation>();
  private readonly openings = new EventEmitter<Opened>();
  private shown: Conversation;
  /** What was asked to be shown before is no longer wanted. */
  private wishes = 0;

  constructor(
    private readonly call: Call,
    private readonly file: SessionFile,
  ) {
    const sessionId = file.read();
    this.shown = sessionId === undefined ? { entries: [] } : { sessionId, entries: [] };
  }

  readonly onChange = this.changes.event;
  /** The daemon has told what a conversation holds and which of its questions are open. */
  readonly onOpen = this.openings.event;

  get current(): Conversation {
    return this.shown;
  }

  get sessionId(): string | undefined {
    return this.shown.sessionId;
  }

  /** Reads the shown conversation anew: after a start of the daemon. */
  async refresh(): Promise<void> {
    if (this.shown.sessionId !== undefined) await this.open(this.shown.sessionId, this.shown.title);
  }

  /** Shows another one. */
  async open(sessionId: string, title?: string): Promise<void> {
    this.wishes += 1;
    const wish = this.wishes;
    const { entries, pendingApprovals } = await this.call<SessionAnswer>(COMMAND.session, { sessionId });
    if (wish !== this.wishes) return;
    this.show({ sessionId, ...(title !== undefined && { title }), entries });
    this.openings.fire({ sessionId, entries, pendingApprovals });
  }

  /** Entries of the shown conversation with a larger `seq` than `after`. */
  async entries(after: number): Promise<readonly SessionEntry[]> {
    const sessionId = this.shown.sessionId;
    if (sessionId === undefined) return [];
    return (await this.call<SessionAnswer>(COMMAND.session, { sessionId, after })).entries;
  }

  /** Shows a new one; it gets its id by the first prompt. */
  begin(): void {
    this.wishes += 1;
    this.show({ entries: [] });
  }

  /** The first prompt of a new conversation was taken. */
  named(sessionId: string): void {
    this.shown = { ...this.shown, sessionId };
    this.file.write(sessionId);
  }

  /** All stored conversations, the daemon's order. */
  all(): Promise<readonly StoredSession[]> {
    return this.call<readonly StoredSession[]>(COMMAND.sessions, {});
  }

  private show(conversation: Conversation): void {
    this.shown = conversation;
    this.file.write(conversation.sessionId);
    this.changes.fire(conversation);
  }
}
