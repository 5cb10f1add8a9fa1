/** The chat view: keeps what is shown whether or not the page exists, and does what the page asks for. */

import { randomBytes } from 'node:crypto';
import { Disposable, env, Uri, type WebviewView, type WebviewViewProvider } from 'vscode';
import type { AgentEvent, AskContext } from '../contract';
import { html } from './html';
import { openTarget } from './open';
import { parsed, type FromPage, type ToPage } from './messages';
import type { ChatPort, ChatState, Conversation, Remedy } from './port';
import { blank, questions, shownAfter, type Change, type Chip, type Shown } from './shown';
import { texts } from './texts';

export const VIEW = 'agentLsp.chat';

const PAUSE = 16; // milliseconds in which changes are gathered into one message

export class ChatView implements WebviewViewProvider, Disposable {
  private shown: Shown;
  private view: WebviewView | undefined;
  private isReady = false;
  private waiting: Change[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The turns of this daemon that run, with their sessions: one of another conversation may be shown at any time. */
  private readonly turns = new Map<string, string>();
  private opened = 0;
  private isReading = false;
  /** Something more was missed while entries were fetched. */
  private isBehind = false;
  private readonly subscriptions: Disposable;

  constructor(
    private readonly extension: Uri,
    private readonly port: ChatPort,
  ) {
    this.shown = blank(port.state);
    this.open(port.conversation);
    this.apply({ type: 'chip', ...chip(port) });
    for (const approval of port.approvals) {
      this.apply({ type: 'approval', approval });
    }
    this.subscriptions = Disposable.from(...this.listen());
  }

  get isVisible(): boolean {
    return this.view?.visible === true;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }

  /** VS Code shows the view: the page is made anew each time, and asks for all there is. */
  resolveWebviewView(view: WebviewView): void {
    const { webview } = view;
    const folder = Uri.joinPath(this.extension, 'dist');
    this.view = view;
    this.isReady = false;
    webview.options = { enableScripts: true, localResourceRoots: [folder] };
    webview.onDidReceiveMessage((raw: unknown) => {
      const message = parsed(raw);
      if (message) void this.obey(message);
    });
    view.onDidDispose(() => {
      this.view = undefined;
      this.isReady = false;
    });
    webview.html = html({
      script: webview.asWebviewUri(Uri.joinPath(folder, 'chat.js')).toString(),
      style: webview.asWebviewUri(Uri.joinPath(folder, 'chat.css')).toString(),
      source: webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      language: env.language,
    });
    this.decorate();
  }

  private listen(): { dispose(): void }[] {
    const { port } = this;
    return [
      port.onEvent((event) => {
        this.take(event);
      }),
      port.onConversation((conversation) => {
        this.open(conversation);
      }),
      port.onState((state) => {
        this.state(state);
      }),
      port.onAttachment(() => {
        this.apply({ type: 'chip', ...chip(port) });
      }),
      port.onApproval((approval) => {
        this.apply({ type: 'approval', approval });
      }),
      port.onSettled((approvalId) => {
        this.apply({ type: 'settled', approvalId });
      }),
    ];
  }

  private take(event: AgentEvent): void {
    if (event.kind === 'turnFinished') {
      this.turns.delete(event.turnId);
    } else {
      this.turns.set(event.turnId, event.sessionId);
    }
    const sessionId = this.shown.transcript.sessionId ?? this.port.conversation.sessionId;
    if (event.sessionId === sessionId) this.apply({ type: 'event', event });
  }

  private open(conversation: Conversation): void {
    this.opened += 1;
    const isRunning = [...this.turns.values()].some((sessionId) => sessionId === conversation.sessionId);
    this.apply({ type: 'conversation', ...conversation, isRunning });
  }

  private state(state: ChatState): void {
    if (state.daemon.kind !== 'ready') this.turns.clear();
    this.apply({ type: 'state', state });
  }

  private apply(change: Change): void {
    const before = this.shown;
    this.shown = shownAfter(before, change);
    if (this.shown === before) return;
    if (this.isReady) {
      this.waiting.push(change);
      this.timer ??= setTimeout(() => {
        this.flush();
      }, PAUSE);
    }
    this.decorate();
    if (this.shown.transcript.stale && change.type === 'event') void this.read();
  }

  private flush(): void {
    this.timer = undefined;
    const changes = this.waiting;
    this.waiting = [];
    if (this.isReady && changes.length > 0) this.post({ type: 'changes', changes });
  }

  private post(message: ToPage): void {
    void this.view?.webview.postMessage(message);
  }

  /** Fetches what events left out. The next event tries again if it fails. */
  private async read(): Promise<void> {
    const { sessionId, head } = this.shown.transcript;
    this.isBehind = this.isReading;
    if (this.isReading) return;
    this.isReading = true;
    try {
      const entries = await this.port.entries(head);
      if (this.shown.transcript.sessionId === sessionId) this.apply({ type: 'entries', entries });
    } catch (error) {
      this.apply({ type: 'notice', line: lineOf(error) });
    } finally {
      this.isReading = false;
    }
    if (this.isBehind) await this.read();
  }

  private async obey(message: FromPage): Promise<void> {
    try {
      await this.done(message);
    } catch (error) {
      this.apply({ type: 'notice', line: lineOf(error) });
    }
  }

  private async done(message: FromPage): Promise<void> {
    const { port } = this;
    switch (message.type) {
      case 'ready':
        this.isReady = true;
        this.waiting = [];
        this.post({ type: 'full', shown: this.shown, texts: texts() });
        return;
      case 'ask':
        return this.ask(message.prompt, this.context(message.attach));
      case 'estimate':
        return this.estimate(message.prompt, this.context(message.attach));
      case 'cancel':
        return port.cancel();
      case 'continue':
        return port.continueTurn();
      case 'decide':
        return port.decide(message.approvalId, message.decision);
      case 'openDiff':
        return port.openDiff(message.approvalId);
      case 'openLink':
        return openTarget(message.target);
      case 'copy':
        return env.clipboard.writeText(message.text);
      case 'newSession':
        return port.newSession();
      case 'pickSession':
        return port.pickSession();
      case 'dismiss':
        this.apply({ type: 'notice' });
        return;
      case 'remedy':
        return this.remedy(message.of);
    }
  }

  private async ask(prompt: string, context: { context?: AskContext }): Promise<void> {
    const asked = this.opened;
    this.apply({ type: 'sent', prompt });
    const { sessionId, joined } = await this.port.ask(prompt, context);
    if (this.opened === asked) this.apply({ type: 'taken', sessionId, prompt, joined });
  }

  private async estimate(prompt: string, context: { context?: AskContext }): Promise<void> {
    const estimate = prompt === '' ? undefined : await this.port.estimate(prompt, context);
    this.apply({ type: 'estimate', ...(estimate && { estimate }) });
  }

  private async remedy(of: 'daemon' | 'model'): Promise<void> {
    const { daemon, remedy: ofModel } = this.shown.state;
    const ofDaemon: Remedy | undefined =
      daemon.kind === 'failed' || daemon.kind === 'untrusted' ? daemon.remedy : undefined;
    const remedy = of === 'daemon' ? ofDaemon : ofModel;
    if (remedy) await this.port.run(remedy);
  }

  private context(attach: boolean): { context?: AskContext } {
    const attachment = attach ? this.port.attachment : undefined;
    return attachment ? { context: attachment.context } : {};
  }

  /** What VS Code shows around the page. */
  private decorate(): void {
    if (!this.view) return;
    const open = questions(this.shown).length;
    const badge = open > 0 ? { value: open, tooltip: texts().asks } : undefined;
    if (this.view.badge?.value !== badge?.value) this.view.badge = badge;
    const { title } = this.shown;
    if (this.view.description !== title) this.view.description = title ?? '';
  }
}

function chip(port: ChatPort): { chip?: Chip } {
  const attachment = port.attachment;
  if (!attachment) return {};
  const { label, lines } = attachment;
  return { chip: { label, ...(lines && { lines }) } };
}

function lineOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
