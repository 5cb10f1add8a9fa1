/** What the chat view needs of the rest of the extension. It knows neither the language client nor the daemon. */

import type { AgentEvent, Approval, AskContext, ApprovalAnswer, SessionEntry, EstimateAnswer } from '../contract';

/** `vscode.Event<T>` is one. */
export type Subscribe<T> = (listener: (value: T) => void) => { dispose(): void };

/** A button that does something about a failure: what it says, and the command of ours (`agentLsp.…`) it runs. */
export interface Remedy {
  label: string;
  command: string;
}

/** How the daemon is, in words for the user. */
export type DaemonState =
  | { kind: 'starting'; line: string }
  | { kind: 'ready' }
  | { kind: 'failed'; line: string; remedy?: Remedy }
  | { kind: 'untrusted'; line: string; remedy?: Remedy };

/** What the view shows of the daemon and its settings. */
export interface ChatState {
  daemon: DaemonState;
  /** The model's name; undefined while none is chosen, and `problem` says why. */
  model?: string;
  problem?: string;
  /** What to do about `problem`. */
  remedy?: Remedy;
  preset?: string;
  sandbox?: string;
  /** Whether commands are confined, or less than they could be. */
  confined?: 'none' | 'weaker' | 'fully';
  /** What of the workspace is not read for want of trust, in a line. */
  waitsForTrust?: string;
  /** What the session has cost so far, in USD; undefined where it is not known. */
  spent?: number;
}

/** The active file, or the part of it that is selected, as the user sees it and as the daemon is told. */
export interface Attachment {
  /** A path relative to its workspace folder. */
  label: string;
  /** 1-based, both inclusive; missing without a selection. */
  lines?: { first: number; last: number };
  context: AskContext;
}

/** The conversation that is shown. `sessionId` is missing for a new one that nothing was asked in yet. */
export interface Conversation {
  sessionId?: string;
  title?: string;
  entries: readonly SessionEntry[];
}

export interface ChatPort {
  readonly state: ChatState;
  readonly onState: Subscribe<ChatState>;

  /** What a prompt would carry now. */
  readonly attachment: Attachment | undefined;
  readonly onAttachment: Subscribe<Attachment | undefined>;

  /** The conversation shown now, with its entries as they were when it was opened. */
  readonly conversation: Conversation;
  /**
   * Another conversation is shown, or the same one anew (after a restart of the daemon).
   * A new conversation that gets its id by the first `ask` fires nothing: its events do.
   */
  readonly onConversation: Subscribe<Conversation>;

  /** Events of all turns of this daemon, of other sessions too, in the order they came. */
  readonly onEvent: Subscribe<AgentEvent>;

  /** The questions that are open now, oldest first. */
  readonly approvals: readonly Approval[];
  readonly onApproval: Subscribe<Approval>;
  /** A question was settled, here, elsewhere or by the end of its turn. */
  readonly onSettled: Subscribe<string>;

  /**
   * Asks in the shown conversation; joins the running turn if there is one.
   * Rejects with an Error whose message is one line for the user.
   */
  ask(prompt: string, options?: { context?: AskContext }): Promise<{ sessionId: string; joined: boolean }>;
  /** What a turn with this prompt may cost; undefined when that is not known. Never rejects. */
  estimate(prompt: string, options?: { context?: AskContext }): Promise<EstimateAnswer | undefined>;
  /** Entries of the shown conversation with a larger `seq` than `after`. Rejects as `ask` does. */
  entries(after: number): Promise<readonly SessionEntry[]>;
  /** Cancels the turns of the shown conversation. */
  cancel(): Promise<void>;
  /** Goes on with a turn that a limit ended. */
  continueTurn(): Promise<void>;
  /** Answers a question; one that is settled already is left alone. */
  decide(approvalId: string, decision: ApprovalAnswer): Promise<void>;
  openDiff(approvalId: string): Promise<void>;
  newSession(): Promise<void>;
  pickSession(): Promise<void>;
  /** Runs a remedy's command. */
  run(remedy: Remedy): Promise<void>;
}
