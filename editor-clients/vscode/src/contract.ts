/**
 * The daemon's public contract as this client uses it; a test compares it with agent_lsp/lsp/contract.py.
 *
 * Field names are those of the wire. A missing field means its default; unknown fields and kinds are ignored.
 */

export const SERVER_NAME = 'agent-lsp';
export const PROTOCOL = 1;
export const REQUEST_ASK = 'agent/ask';
export const REQUEST_APPROVAL = 'agent/requestApproval';
export const NOTIFICATION_EVENT = 'agent/event';

export const COMMAND = {
  ask: 'agent.ask',
  branch: 'agent.branch',
  cancel: 'agent.cancel',
  changes: 'agent.changes',
  continue: 'agent.continue',
  decide: 'agent.decide',
  estimate: 'agent.estimate',
  redo: 'agent.redo',
  session: 'agent.session',
  sessions: 'agent.sessions',
  status: 'agent.status',
  trust: 'agent.trust',
  undo: 'agent.undo',
} as const;

export const EVENTS = [
  'turnStarted',
  'promptJoined',
  'textDelta',
  'thinkingDelta',
  'toolCallStarted',
  'toolCallOutput',
  'toolCallFinished',
  'approvalRequested',
  'approvalDecided',
  'usageUpdated',
  'retrying',
  'turnFinished',
] as const;

export const DECISIONS = ['allow_once', 'allow_session', 'allow_always', 'reject'] as const;
export const SURFACES = ['progress', 'approval', 'review', 'chat', 'trust'] as const;

export type Choice = (typeof DECISIONS)[number];
export type Surface = (typeof SURFACES)[number];
export type Preset = 'plan' | 'confirm' | 'edits' | 'auto';
export type ToolKind = 'read' | 'edit' | 'delete' | 'move' | 'search' | 'execute' | 'think' | 'fetch' | 'other';
export type ResultStatus = 'done' | 'failed' | 'rejected' | 'cancelled';
export type StopReason = 'end_turn' | 'max_tokens' | 'refusal' | 'cancelled' | 'budget_spent' | 'failed';

/** Zero-based; characters in UTF-16 units, as VS Code counts. */
export interface Position {
  line: number;
  character: number;
}

/** From `start` up to but without `end`. */
export interface Range {
  start: Position;
  end: Position;
}

/** What the editor shows beside a prompt. */
export interface AskContext {
  uri?: string;
  range?: Range;
  diagnostics?: readonly object[];
}

/** The argument of `agent.ask`, `agent/ask` and `agent.estimate`. */
export interface AskParams {
  prompt: string;
  sessionId?: string;
  context?: AskContext;
  preset?: Preset;
  model?: string;
  queue?: boolean;
  wait?: boolean;
  workDoneToken?: string | number;
  partialResultToken?: string | number;
}

/** The answer of `agent.ask` that does not wait. */
export interface Asked {
  turnId: string;
  sessionId: string;
  joined?: boolean;
}

/** The argument of `agent.cancel`; without both, all turns of this client. */
export interface CancelParams {
  turnId?: string;
  sessionId?: string;
}

/** The answer to a question; `hunks` are ids, missing for all of them. */
export interface Decision {
  decision: Choice;
  feedback?: string;
  hunks?: readonly string[];
  stop?: boolean;
}

/** The argument of `agent.decide`. */
export interface DecideParams extends Decision {
  approvalId: string;
}

/** The argument of `agent.session`; entries with a larger `seq` than `after` are answered. */
export interface SessionParams {
  sessionId: string;
  after?: number;
}

/** The argument of `agent.continue`. */
export interface ContinueParams {
  sessionId: string;
  wait?: boolean;
}

/** The argument of `agent.undo` and `agent.redo`; without an entry the last turn's changes are meant. */
export interface HistoryParams {
  sessionId: string;
  entryId?: number;
  hunks?: string[];
}

/** The argument of `agent.changes`. */
export interface ChangesParams {
  sessionId: string;
  entryId: number;
}

/** The argument of `agent.branch`. */
export interface BranchParams {
  sessionId: string;
  entryId: number;
  restoreFiles?: boolean;
}

/** The answer to `agent.undo` and `agent.redo`: the files that were brought back, and those that were not. */
export interface Restored {
  restored: string[];
  kept: { uri: string; why: string }[];
}

/** Tokens, calls and steps; `inputTokens` are those neither read from nor written to a cache. */
export interface Usage {
  inputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  toolCalls: number;
  steps: number;
}

/** `cost` in USD; null where no price is known. */
export interface Cost {
  cost: number | null;
  costUnknown?: boolean;
}

export interface TurnError {
  kind: string;
  message: string;
}

/** Every event's place: `seq` is the number of the last entry written before it. */
export interface EventHead {
  sessionId: string;
  turnId: string;
  seq: number;
}

export type EventBody =
  | { kind: 'turnStarted'; prompt: string; model: string; note?: string }
  | { kind: 'promptJoined'; prompt: string }
  | DeltaBody
  | { kind: 'toolCallStarted'; callId: string; tool: string; toolKind: ToolKind; title: string }
  | { kind: 'toolCallOutput'; callId: string; text: string }
  | { kind: 'toolCallFinished'; callId: string; tool: string; title: string; status: ResultStatus; result: string }
  | { kind: 'approvalRequested'; approvalId: string; callId: string; title: string }
  | { kind: 'approvalDecided'; approvalId: string; callId: string; decision: Choice; answered: boolean }
  | ({ kind: 'usageUpdated'; usage: Usage } & Cost)
  | { kind: 'retrying'; reason: string; attempt: number; attempts: number; seconds: number }
  | ({ kind: 'turnFinished'; stopReason: StopReason; usage: Usage; error?: TurnError } & Cost);

/** `offset` counts the characters (code points, not UTF-16 units) of this message before `text`. */
export interface DeltaBody {
  kind: 'textDelta' | 'thinkingDelta';
  text: string;
  offset: number;
}

/** The params of `agent/event`. */
export type AgentEvent = EventHead & EventBody;

/** Lines of `old` at 1-based line `oldStart` become `new` at line `newStart`. */
export interface Hunk {
  id: string;
  oldStart: number;
  old: string;
  newStart: number;
  new: string;
}

export interface FileDiff {
  uri: string;
  hunks: readonly Hunk[];
}

/** The params of `agent/requestApproval`; `title` and `detail` come escaped, hunks and `command` do not. */
export interface Approval {
  approvalId: string;
  sessionId: string;
  turnId: string;
  tool: string;
  kind: ToolKind;
  title: string;
  detail: string;
  diff?: readonly FileDiff[];
  uri?: string;
  newUri?: string;
  command?: string;
  cwd?: string;
  reason: string;
  digest: string;
  /** RFC 3339, UTC. */
  expiresAt: string;
  choices: readonly Choice[];
  sessionRule: string;
  /** What `allow_always` writes, in full; empty where it is not offered. */
  alwaysRule: string;
  /** Where untrusted text came from that the agent has read. */
  taint?: string;
  /** Characters of the whole, where `detail` has only its ends; `document` is the URI of all of it. */
  length?: number;
  document?: string;
}

export type Part =
  | { type: 'text'; text: string }
  | { type: 'thinking'; text: string }
  | { type: 'toolCall'; callId: string; tool: string; arguments: string };

export type EntryBody =
  | { kind: 'turnBegan'; turnId: string }
  | { kind: 'message'; role: 'user'; text: string }
  | { kind: 'message'; role: 'assistant'; text: string; parts: readonly Part[] }
  | { kind: 'message'; role: 'tool'; results: readonly { callId: string; text: string; status: ResultStatus }[] }
  | { kind: 'promptTaken'; text: string }
  | {
      kind: 'approvalDecided';
      approvalId: string;
      callId?: string;
      title: string;
      decision: Choice;
      feedback: string;
      answered: boolean;
    }
  | { kind: 'callBegan'; callId: string }
  | ({ kind: 'turnEnded'; turnId: string; stopReason: StopReason; usage: Usage; error: string } & Cost);

/** One of `agent.session`'s entries; `at` in RFC 3339, UTC. */
export type Entry = { seq: number; at: string } & EntryBody;

/** The answer of `agent.session`. */
export interface SessionEntries {
  entries: readonly Entry[];
  pendingApprovals: readonly Approval[];
}

/** One of `agent.sessions`; `updatedAt` in RFC 3339, UTC; `cost` in USD. */
export interface SessionSummary {
  sessionId: string;
  title: string;
  updatedAt: string;
  cost: number | null;
  head: number;
}

/** The answer of `agent.status`; `problem` says why there is no model. */
export interface Status {
  version: string;
  model: string | null;
  problem?: string;
  preset: Preset;
  sandbox: string;
  /** One line on what of the workspace is not read for want of trust. */
  waitsForTrust?: string;
  limits: Record<string, number | null>;
  turns: readonly string[];
  pendingApprovals: readonly { approvalId: string; turnId: string; title: string }[];
}

/** `agent.trust`: what would act; with the `digest` of what was shown it is trusted, or taken back. */
export interface TrustParams {
  digest?: string;
  forget?: boolean;
}

/** The answer of `agent.trust`; `text` is escaped, `changed` are URIs of what is not as it was when it was trusted. */
export interface ProjectTrust {
  trusted: boolean;
  digest: string;
  files: readonly { uri: string; text: string; problem?: string }[];
  changed: readonly string[];
}

/** The answer of `agent.estimate`, in tokens and USD; null where no price is known. */
export interface Estimate {
  inputTokens: number;
  cost: { low: number | null; likely: number | null; high: number | null };
  basis: string;
  costUnknown?: boolean;
}
