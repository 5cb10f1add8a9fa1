/** What one part of the extension tells the others: events to turns and questions, all of it to status and contexts. */

import { commands, Disposable, l10n, window, type LogOutputChannel } from 'vscode';
import type { Questions } from './approvals/questions';
import type { Subscribe } from './chat/port';
import type { Daemon } from './client/daemon';
import { say } from './commands';
import type { AgentEvent } from './contract';
import type { ShownConversation } from './conversation';
import { lineOf, Problem } from './problem';
import type { ShownState } from './state';
import type { Status } from './status';
import { hindrance } from './trust';
import type { Turns } from './turns';

export interface Told {
  daemon: Daemon;
  turns: Turns;
  questions: Questions;
  conversation: ShownConversation;
  shown: ShownState;
  status: Status;
  events: Subscribe<AgentEvent>;
  output: LogOutputChannel;
}

export function registerTelling(to: Told): Disposable {
  const { daemon, turns, questions, conversation, shown } = to;
  const refresh = (): void => {
    show(to);
  };
  const listening = Disposable.from(
    to.events((event) => {
      turns.take(event);
      if (event.kind === 'approvalDecided') questions.settle(event.approvalId);
      if (event.kind === 'turnStarted') setContext('asked', true);
    }),
    daemon.onReady(() => {
      // First what was said, then what may be asked of it: a session that is gone is said and left.
      conversation
        .refresh()
        .catch((error: unknown) => {
          forget(to, error);
        })
        .then(() => shown.refresh())
        .catch((error: unknown) => say(error, to.output));
    }),
    daemon.onEnd((how) => {
      ended(to, how);
    }),
    daemon.onState((state) => {
      shown.changed();
      if (state.kind === 'failed' && !hindrance()) void say(new Problem(state.line, state.remedy), to.output);
    }),
    conversation.onOpen(({ sessionId, entries, pendingApprovals }) => {
      turns.remember(sessionId, entries);
      questions.remind(pendingApprovals);
    }),
    conversation.onChange(() => {
      shown.changed();
    }),
    turns.onChange(() => {
      shown.changed();
    }),
    questions.onAsked(refresh),
    questions.onSettled(() => {
      setContext('decided', true);
      refresh();
    }),
    shown.onChange(refresh),
  );
  refresh();
  return listening;
}

/** The session of the last window may be another machine's, or its journal gone. */
function forget({ conversation, output }: Told, error: unknown): void {
  output.warn(lineOf(error));
  conversation.begin();
}

function ended({ turns, questions, output }: Told, how: string): void {
  const inTurn = turns.all.length > 0;
  turns.drop();
  questions.drop();
  const line = l10n.t('Agent: the daemon ended in mid-turn ({0}); it is started again and the session goes on', how);
  output.warn(line);
  if (inTurn) void showEnd(line);
}

async function showEnd(line: string): Promise<void> {
  const open = l10n.t('Open Chat');
  if ((await window.showWarningMessage(line, open)) === open) await commands.executeCommand('agentLsp.chat.focus');
}

function show({ shown, turns, questions, status }: Told): void {
  const state = shown.current;
  const [running, asking] = [turns.all.length, questions.all.length];
  status.show({ state, running, asking });
  setContext('ready', state.daemon.kind === 'ready');
  setContext('hasModel', state.daemon.kind === 'ready' && state.model !== undefined);
  setContext('running', running > 0);
  setContext('asking', asking > 0);
}

const contexts = new Map<string, boolean>();

function setContext(name: string, value: boolean): void {
  if (contexts.get(name) === value) return;
  contexts.set(name, value);
  void commands.executeCommand('setContext', `agentLsp.${name}`, value);
}
