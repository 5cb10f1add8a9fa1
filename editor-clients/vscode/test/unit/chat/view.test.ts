import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Uri, WebviewView } from 'vscode';
import type { ToPage } from '../../../src/chat/messages';
import { shownAfter, type Shown } from '../../../src/chat/shown';
import { ChatView } from '../../../src/chat/view';
import { APPROVALS, ENTRIES, EVENTS } from './recorded';
import { PlayedPort } from './port';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const FOLDER = '/extension' as unknown as Uri; // as: the played Uri is a string

/** VS Code's side of a view, and the page in it, which folds as the real one does. */
class PlayedView {
  shown: Shown | undefined;
  messages = 0;
  badge: { value: number } | undefined;
  description = '';
  readonly webview = {
    html: '',
    options: {},
    cspSource: 'https://csp.example',
    asWebviewUri: (uri: string): string => `https://csp.example${uri}`,
    onDidReceiveMessage: (listener: (message: unknown) => void): void => {
      this.listener = listener;
    },
    postMessage: (message: ToPage): void => {
      this.take(message);
    },
  };
  private listener: (message: unknown) => void = () => undefined;
  private disposed: () => void = () => undefined;

  /** The view as `resolveWebviewView` gets it. */
  get api(): WebviewView {
    return this as unknown as WebviewView; // as: what the view uses of it
  }

  onDidDispose(disposed: () => void): void {
    this.disposed = disposed;
  }

  async say(message: object): Promise<void> {
    this.listener(message);
    await vi.advanceTimersByTimeAsync(50);
  }

  close(): void {
    this.disposed();
  }

  private take(message: ToPage): void {
    this.messages += 1;
    if (message.type === 'full') {
      this.shown = message.shown;
    } else if (this.shown) {
      this.shown = message.changes.reduce(shownAfter, this.shown);
    }
  }
}

async function shownView(port: PlayedPort): Promise<{ view: ChatView; played: PlayedView }> {
  const view = new ChatView(FOLDER, port);
  return { view, played: await opened(view) };
}

async function opened(view: ChatView): Promise<PlayedView> {
  const played = new PlayedView();
  view.resolveWebviewView(played.api);
  await played.say({ type: 'ready' });
  return played;
}

test('a page that is hidden and shown again has all of it', async () => {
  const port = new PlayedPort();
  const { view, played } = await shownView(port);
  await played.say({ type: 'ask', prompt: 'Why?', attach: true });
  for (const event of EVENTS.slice(0, 30)) port.events.fire(event);
  await vi.advanceTimersByTimeAsync(50);
  const before = played.shown;
  played.close();
  const again = await opened(view);
  expect(again.shown).toEqual(before);
  for (const event of EVENTS.slice(30, 60)) port.events.fire(event);
  await vi.advanceTimersByTimeAsync(50);
  expect((await opened(view)).shown).toEqual(again.shown);
});

test('what comes at once goes to the page at once', async () => {
  const port = new PlayedPort();
  const { played } = await shownView(port);
  await played.say({ type: 'ask', prompt: 'Why?', attach: true });
  const before = played.messages;
  for (const event of EVENTS.slice(0, 100)) port.events.fire(event);
  await vi.advanceTimersByTimeAsync(50);
  expect(played.messages - before).toBe(1);
});

test('a prompt carries the file that is shown beside it, unless it was left out', async () => {
  const port = new PlayedPort();
  const { played } = await shownView(port);
  await played.say({ type: 'ask', prompt: 'one', attach: true });
  await played.say({ type: 'ask', prompt: 'two', attach: false });
  expect(port.calls).toEqual([
    ['ask', 'one', { context: { uri: 'file:///w/src/tax.py' } }],
    ['ask', 'two', {}],
  ]);
});

test('a prompt that fails says why in one line', async () => {
  const port = new PlayedPort();
  port.refusal = new Error('no model is chosen: set a key');
  const { played } = await shownView(port);
  await played.say({ type: 'ask', prompt: 'go', attach: true });
  expect(played.shown).toMatchObject({ notice: 'no model is chosen: set a key', sent: undefined });
  await played.say({ type: 'dismiss' });
  expect(played.shown?.notice).toBeUndefined();
});

test('what events left out is fetched when the turn has ended', async () => {
  const port = new PlayedPort();
  port.stored = ENTRIES;
  const { played } = await shownView(port);
  await played.say({ type: 'ask', prompt: 'Why?', attach: true });
  for (const event of EVENTS.filter((_, index) => index % 3 > 0)) port.events.fire(event);
  await vi.advanceTimersByTimeAsync(50);
  expect(played.shown?.transcript).toMatchObject({ stale: false, head: ENTRIES.at(-1)?.seq });
  expect(port.calls.at(-1)).toEqual(['entries', expect.any(Number)]);
});

test('events of another conversation are not shown, and one that runs is known to run when it is opened', async () => {
  const port = new PlayedPort();
  const { played } = await shownView(port);
  port.conversation = { sessionId: 'session_2', entries: [] };
  port.conversations.fire(port.conversation);
  for (const event of EVENTS.slice(0, 10)) port.events.fire(event);
  await vi.advanceTimersByTimeAsync(50);
  expect(played.shown?.transcript.turns).toEqual([]);
  port.conversations.fire({ sessionId: 'session_1', entries: ENTRIES.slice(0, 3) });
  await vi.advanceTimersByTimeAsync(50);
  expect(played.shown?.transcript).toMatchObject({ sessionId: 'session_1', isLost: false });
});

test('a turn whose daemon died broke off', async () => {
  const port = new PlayedPort();
  const { played } = await shownView(port);
  await played.say({ type: 'ask', prompt: 'Why?', attach: true });
  for (const event of EVENTS.slice(0, 10)) port.events.fire(event);
  port.states.fire({ daemon: { kind: 'starting', line: 'Starting again…' } });
  await vi.advanceTimersByTimeAsync(50);
  expect(played.shown?.transcript.isLost).toBe(true);
});

test('open questions are counted, and answers go where they belong', async () => {
  const port = new PlayedPort();
  const { played } = await shownView(port);
  await played.say({ type: 'ask', prompt: 'Why?', attach: true });
  for (const approval of APPROVALS) port.asked.fire(approval);
  expect(played.badge?.value).toBe(3);
  await played.say({ type: 'decide', approvalId: 'approval_2', decision: { decision: 'reject' } });
  await played.say({ type: 'openDiff', approvalId: 'approval_1' });
  expect(port.calls.slice(1)).toEqual([
    ['decide', 'approval_2', { decision: 'reject' }],
    ['openDiff', 'approval_1'],
  ]);
  for (const { approvalId } of APPROVALS) port.settled.fire(approvalId);
  expect(played.badge).toBeUndefined();
});

test('only a remedy that is offered is run', async () => {
  const port = new PlayedPort();
  const { played } = await shownView(port);
  await played.say({ type: 'remedy', of: 'daemon' });
  port.states.fire({
    daemon: { kind: 'failed', line: 'no Python', remedy: { label: 'Settings', command: 'agentLsp.openSettings' } },
  });
  await played.say({ type: 'remedy', of: 'daemon' });
  await played.say({ type: 'remedy', of: 'daemon', command: 'workbench.action.quit' });
  const run = ['run', { label: 'Settings', command: 'agentLsp.openSettings' }];
  expect(port.calls).toEqual([run, run]);
});

test('the page may load our script and style, and nothing else', async () => {
  const { played } = await shownView(new PlayedPort());
  const { html, options } = played.webview;
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
  const nonce = /script-src 'nonce-([\w-]{20,})'/.exec(policy)?.[1];
  expect(policy.replace(nonce ?? '?', 'N')).toBe(
    "default-src 'none'; script-src 'nonce-N'; style-src https://csp.example; font-src https://csp.example; base-uri 'none'; form-action 'none'",
  );
  expect(html.match(/<script[^>]*>/g)).toEqual([
    `<script nonce="${nonce}" src="https://csp.example/extension/dist/chat.js">`,
  ]);
  expect(options).toEqual({ enableScripts: true, localResourceRoots: ['/extension/dist'] });
});
