/** Wires the parts together, and nothing else. */

import { EventEmitter, window, type ExtensionContext } from 'vscode';
import { Approvals } from './approvals/approvals';
import { Questions } from './approvals/questions';
import { ActiveAttachment } from './attachment';
import { registerChanges } from './changes';
import { ChatView, VIEW } from './chat/view';
import type { Daemon } from './client/daemon';
import { registerCodeActions } from './codeActions';
import { registerCommands, say } from './commands';
import { COMMAND, type AgentEvent } from './contract';
import { ShownConversation } from './conversation';
import { History } from './history';
import { newDaemon } from './newDaemon';
import { Port } from './port';
import { registerProgress } from './progress';
import { TrustQuestion } from './projectTrust';
import { SessionFile } from './sessionFile';
import { ShownState } from './state';
import { Status } from './status';
import { registerTelling } from './telling';
import { Turns } from './turns';

let daemon: Daemon | undefined;

export function activate(context: ExtensionContext): void {
  const output = window.createOutputChannel('Agent', { log: true });
  const log = (error: unknown): void => {
    output.error(error instanceof Error ? error : String(error));
  };
  const events = new EventEmitter<AgentEvent>();
  const turns = new Turns();
  const call = <T>(command: string, params: object): Promise<T> => running.call<T>(command, params);
  const questions = new Questions(Date.now, (approvalId, decision) =>
    call(COMMAND.decide, { approvalId, ...decision }),
  );
  const running: Daemon = newDaemon(context, output, {
    onEvent: (event) => {
      events.fire(event);
    },
    onApproval: (approval, token) => questions.ask(approval, token),
  });
  daemon = running;

  const conversation = new ShownConversation(call, new SessionFile(context.storageUri?.fsPath));
  const shown = new ShownState(
    call,
    () => running.state,
    () => turns.spent(conversation.sessionId),
  );
  const attachments = new ActiveAttachment();
  const approvals = new Approvals(questions, log);
  const port = new Port({
    call,
    shown,
    conversation,
    attachments,
    questions,
    onEvent: events.event,
    openDiff: (approvalId) => approvals.show(approvalId),
  });
  const chat = new ChatView(context.extensionUri, port);
  const status = new Status();
  const trust = new TrustQuestion({
    call,
    daemon: running,
    events: events.event,
    asked: context.workspaceState,
    log,
    say: (error) => void say(error, output),
  });

  context.subscriptions.push(
    output,
    events,
    status,
    chat,
    window.registerWebviewViewProvider(VIEW, chat, { webviewOptions: { retainContextWhenHidden: true } }),
    registerCommands({
      context,
      output,
      daemon: running,
      port,
      approvals,
      history: new History(call, conversation),
      trust,
    }),
    registerCodeActions(),
    approvals.register(),
    attachments.register(),
    registerTelling({ daemon: running, turns, questions, conversation, shown, status, events: events.event, output }),
    registerProgress({
      turns,
      chatIsVisible: () => chat.isVisible,
      cancel: (turnId) => call(COMMAND.cancel, { turnId }),
      continueTurn: (sessionId) => call(COMMAND.continue, { sessionId }),
      log,
    }),
    trust.register(),
    registerChanges({ daemon: running, turns, secrets: context.secrets, onTold: () => shown.refresh(), log }),
  );
  void running.start();
}

/** VS Code waits for it: the daemon ends before the window does. */
export async function deactivate(): Promise<void> {
  await daemon?.stop();
}
