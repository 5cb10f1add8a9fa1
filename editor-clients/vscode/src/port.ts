/** What the chat view may do with the rest of the extension. */

import { commands } from 'vscode';
import type { Questions } from './approvals/questions';
import type { ActiveAttachment } from './attachment';
import type { Attachment, ChatPort, ChatState, Conversation, Remedy, Subscribe } from './chat/port';
import {
  COMMAND,
  type AgentEvent,
  type Approval,
  type AskRefused,
  type AskStarted,
  type AskContext,
  type ApprovalAnswer,
  type SessionEntry,
  type EstimateAnswer,
} from './contract';
import type { ShownConversation } from './conversation';
import { Problem } from './problem';
import { pickSession } from './sessions';
import type { ShownState } from './state';

/** The parts that the port joins. */
export interface Joined {
  call: <T>(command: string, params: object) => Promise<T>;
  shown: ShownState;
  conversation: ShownConversation;
  attachments: ActiveAttachment;
  questions: Questions;
  onEvent: Subscribe<AgentEvent>;
  openDiff: (approvalId: string) => Promise<void>;
}

export class Port implements ChatPort {
  readonly onState: Subscribe<ChatState>;
  readonly onAttachment: Subscribe<Attachment | undefined>;
  readonly onConversation: Subscribe<Conversation>;
  readonly onEvent: Subscribe<AgentEvent>;
  readonly onApproval: Subscribe<Approval>;
  readonly onSettled: Subscribe<string>;

  constructor(private readonly joined: Joined) {
    this.onState = joined.shown.onChange;
    this.onAttachment = joined.attachments.onChange;
    this.onConversation = joined.conversation.onChange;
    this.onEvent = joined.onEvent;
    this.onApproval = joined.questions.onAsked;
    this.onSettled = joined.questions.onSettled;
  }

  get state(): ChatState {
    return this.joined.shown.current;
  }

  get attachment(): Attachment | undefined {
    return this.joined.attachments.current;
  }

  get conversation(): Conversation {
    return this.joined.conversation.current;
  }

  get approvals(): readonly Approval[] {
    return this.joined.questions.all;
  }

  async ask(prompt: string, options: { context?: AskContext } = {}): Promise<{ sessionId: string; joined: boolean }> {
    const { conversation, call } = this.joined;
    const wasNew = conversation.current;
    const answer = await call<AskStarted | AskRefused>(COMMAND.ask, this.params(prompt, options));
    if ('error' in answer) throw new Problem(answer.error.message);
    // Another conversation may be shown by now.
    if (conversation.current === wasNew && wasNew.sessionId === undefined) conversation.named(answer.sessionId);
    return { sessionId: answer.sessionId, joined: answer.joined === true };
  }

  async estimate(prompt: string, options: { context?: AskContext } = {}): Promise<EstimateAnswer | undefined> {
    try {
      return await this.joined.call<EstimateAnswer>(COMMAND.estimate, this.params(prompt, options));
    } catch {
      return undefined; // no model, no daemon: the state says so
    }
  }

  entries(after: number): Promise<readonly SessionEntry[]> {
    return this.joined.conversation.entries(after);
  }

  async cancel(): Promise<void> {
    const sessionId = this.joined.conversation.sessionId;
    if (sessionId !== undefined) await this.joined.call(COMMAND.cancel, { sessionId });
  }

  async continueTurn(): Promise<void> {
    const sessionId = this.joined.conversation.sessionId;
    if (sessionId !== undefined) await this.joined.call(COMMAND.continue, { sessionId });
  }

  async decide(approvalId: string, decision: ApprovalAnswer): Promise<void> {
    await this.joined.questions.decide(approvalId, decision);
  }

  openDiff(approvalId: string): Promise<void> {
    return this.joined.openDiff(approvalId);
  }

  newSession(): Promise<void> {
    this.joined.conversation.begin();
    return Promise.resolve();
  }

  pickSession(): Promise<void> {
    return pickSession(this.joined.conversation);
  }

  async run(remedy: Remedy): Promise<void> {
    await commands.executeCommand(remedy.command);
  }

  private params(prompt: string, { context }: { context?: AskContext }): object {
    const sessionId = this.joined.conversation.sessionId;
    return { prompt, ...(sessionId !== undefined && { sessionId }), ...(context && { context }) };
  }
}
