/** The rest of the extension, played: a conversation, a daemon that says what the test lets it say. */

import type { AgentEvent, Approval, ApprovalAnswer, SessionEntry } from '../../../src/contract';
import type { Attachment, ChatPort, ChatState, Conversation, Subscribe } from '../../../src/chat/port';

class Source<Value> {
  private readonly listeners = new Set<(value: Value) => void>();

  readonly subscribe: Subscribe<Value> = (listener) => {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  };

  fire(value: Value): void {
    for (const listener of this.listeners) {
      listener(value);
    }
  }
}

export class PlayedPort implements ChatPort {
  readonly states = new Source<ChatState>();
  readonly attachments = new Source<Attachment | undefined>();
  readonly conversations = new Source<Conversation>();
  readonly events = new Source<AgentEvent>();
  readonly asked = new Source<Approval>();
  readonly settled = new Source<string>();
  readonly onState = this.states.subscribe;
  readonly onAttachment = this.attachments.subscribe;
  readonly onConversation = this.conversations.subscribe;
  readonly onEvent = this.events.subscribe;
  readonly onApproval = this.asked.subscribe;
  readonly onSettled = this.settled.subscribe;
  readonly state: ChatState = { daemon: { kind: 'ready' } };
  readonly attachment: Attachment = { label: 'src/tax.py', context: { uri: 'file:///w/src/tax.py' } };
  readonly approvals: readonly Approval[] = [];
  conversation: Conversation = { entries: [] };
  /** What `entries` answers. */
  stored: readonly SessionEntry[] = [];
  /** What `ask` fails with, if it fails. */
  refusal: Error | undefined;
  /** What was called, with what. */
  readonly calls: unknown[] = [];

  ask(prompt: string, options: object = {}): Promise<{ sessionId: string; joined: boolean }> {
    this.calls.push(['ask', prompt, options]);
    if (this.refusal) {
      return Promise.reject(this.refusal);
    }
    this.conversation = { ...this.conversation, sessionId: 'session_1' };
    return Promise.resolve({ sessionId: 'session_1', joined: false });
  }

  estimate(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  entries(after: number): Promise<readonly SessionEntry[]> {
    this.calls.push(['entries', after]);
    return Promise.resolve(this.stored.filter((entry) => entry.seq > after));
  }

  decide(approvalId: string, decision: ApprovalAnswer): Promise<void> {
    return this.called('decide', approvalId, decision);
  }

  cancel = (): Promise<void> => this.called('cancel');
  continueTurn = (): Promise<void> => this.called('continueTurn');
  openDiff = (approvalId: string): Promise<void> => this.called('openDiff', approvalId);
  newSession = (): Promise<void> => this.called('newSession');
  pickSession = (): Promise<void> => this.called('pickSession');
  run = (remedy: object): Promise<void> => this.called('run', remedy);

  private called(...call: readonly unknown[]): Promise<void> {
    this.calls.push(call);
    return Promise.resolve();
  }
}
