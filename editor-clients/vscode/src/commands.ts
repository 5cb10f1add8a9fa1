/** All commands of the extension. What goes wrong in one is said in one line, with its remedy. */

import { commands, Disposable, l10n, Range, Uri, window, type ExtensionContext, type LogOutputChannel } from 'vscode';
import type { Approvals } from './approvals/approvals';
import { questionOf } from './approvals/documents';
import { attachmentOf } from './attachment';
import type { ChatPort } from './chat/port';
import type { Daemon } from './client/daemon';
import type { AskContext } from './contract';
import type { History } from './history';
import { removeKey, setKey } from './keys';
import { installModel } from './model';
import { lineOf, Problem } from './problem';
import type { TrustQuestion } from './projectTrust';
import { notified } from './text';

/** What commands work on. */
export interface Commanded {
  context: ExtensionContext;
  output: LogOutputChannel;
  daemon: Daemon;
  port: ChatPort;
  approvals: Approvals;
  history: History;
  trust: TrustQuestion;
}

type Action = (...values: unknown[]) => Promise<unknown> | Thenable<unknown> | undefined;

/** Registers them before anything is started: a command that fails says why, and is never «not found». */
export function registerCommands(on: Commanded): Disposable {
  const { approvals, port, context } = on;
  const actions: Record<string, Action> = {
    ask: (where) => ask(port, where instanceof Uri ? whereOf(where) : port.attachment?.context),
    askAbout: (what) => askAbout(port, what as { prompt?: string; context?: AskContext }), // our own code action's
    cancel: () => port.cancel(),
    continue: () => port.continueTurn(),
    undo: () => on.history.undo(),
    redo: () => on.history.redo(),
    newSession: () => port.newSession().then(showChat),
    pickSession: () => port.pickSession().then(showChat),
    allow: (which) => approvals.decide('allow_once', questionNamed(which)),
    allowForSession: (which) => approvals.decide('allow_session', questionNamed(which)),
    reject: (which) => approvals.decide('reject', questionNamed(which)),
    rejectWithFeedback: (which) => approvals.rejectWithFeedback(questionNamed(which)),
    chooseHunks: (which) => approvals.chooseHunks(questionNamed(which)),
    showQuestion: (which) => approvals.show(questionNamed(which)),
    setKey: () => setKey(context.secrets),
    removeKey: () => removeKey(context.secrets),
    installModel: () => installModel(on.daemon, on.output),
    restart: () => on.daemon.start(),
    showActions: () => commands.executeCommand('workbench.action.quickOpen', `>${l10n.t('Agent')}: `),
    showLog: () => {
      on.output.show();
      return undefined;
    },
    openSettings: () => commands.executeCommand('workbench.action.openSettings', '@ext:agent-lsp.agent-lsp'),
    openWalkthrough: () =>
      commands.executeCommand('workbench.action.openWalkthrough', 'agent-lsp.agent-lsp#firstMinutes'),
    openFolder: () => commands.executeCommand('workbench.action.files.openFolder'),
    trustProject: () => on.trust.review(),
    forgetProject: () => on.trust.forget(),
    manageTrust: () => commands.executeCommand('workbench.trust.manage'),
  };
  const registered = Object.entries(actions).map(([name, action]) =>
    commands.registerCommand(`agentLsp.${name}`, async (...values: unknown[]) => {
      try {
        await action(...values);
      } catch (error) {
        await say(error, on.output);
      }
    }),
  );
  return Disposable.from(...registered);
}

/** One line to the user, with a button for its remedy. */
export async function say(error: unknown, output: LogOutputChannel): Promise<void> {
  output.error(error instanceof Error ? error : lineOf(error));
  const remedy = error instanceof Problem ? error.remedy : undefined;
  const line = l10n.t('Agent: {0}', notified(lineOf(error)));
  const chosen = await window.showErrorMessage(line, ...(remedy ? [remedy.label] : []));
  if (remedy && chosen === remedy.label) await commands.executeCommand(remedy.command);
}

async function ask(port: ChatPort, context: AskContext | undefined): Promise<void> {
  const prompt = await promptFor(context);
  // A window that is only just open may tell of its editor while the user types.
  const shown = context ?? port.attachment?.context;
  await send(port, prompt, shown);
}

async function askAbout(port: ChatPort, what: { prompt?: string; context?: AskContext }): Promise<void> {
  await send(port, what.prompt ?? (await promptFor(what.context)), what.context);
}

async function send(port: ChatPort, prompt: string | undefined, context: AskContext | undefined): Promise<void> {
  if (!prompt?.trim()) return;
  await showChat(); // first, so that the turn is shown there and not as a notification
  await port.ask(prompt, { ...(context && { context }) });
}

function promptFor(context: AskContext | undefined): Thenable<string | undefined> {
  const label = context?.uri === undefined ? undefined : attachmentOf(Uri.parse(context.uri))?.label;
  const lines = context?.range && ` ${context.range.start.line + 1}–${context.range.end.line + 1}`;
  return window.showInputBox({
    title: l10n.t('Ask the agent'),
    placeHolder: l10n.t('What should the agent do?'),
    prompt: label === undefined ? '' : l10n.t('It is shown {0}', `${label}${lines ?? ''}`),
    ignoreFocusOut: true,
  });
}

/** A file of the explorer or an editor's menu; with the selection, where that file is the active one. */
function whereOf(uri: Uri): AskContext | undefined {
  const editor = window.activeTextEditor;
  const selection = editor?.document.uri.toString() === uri.toString() ? editor.selection : undefined;
  return attachmentOf(uri, selection && !selection.isEmpty ? new Range(selection.start, selection.end) : undefined)
    ?.context;
}

/** A question by its id, as links say it, or by its document, as an editor's buttons do. */
function questionNamed(which: unknown): string | undefined {
  return typeof which === 'string' ? which : questionOf(which instanceof Uri ? which : undefined);
}

/** Shows the answer; the focus goes back to where the user typed. */
async function showChat(): Promise<void> {
  await commands.executeCommand('agentLsp.chat.focus', { preserveFocus: true });
}
