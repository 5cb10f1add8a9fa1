/** The agent on the lightbulb: for a selection, and for the problems at the cursor. */

import type { Range } from 'vscode';
import {
  CodeAction,
  CodeActionKind,
  l10n,
  languages,
  type CodeActionContext,
  type CodeActionProvider,
  type Diagnostic,
  type Disposable,
  type TextDocument,
} from 'vscode';
import { attachmentOf } from './attachment';

const KINDS = [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite];

/** Offers both in every file. */
export function registerCodeActions(): Disposable {
  return languages.registerCodeActionsProvider({ scheme: 'file' }, provider, { providedCodeActionKinds: KINDS });
}

export const provider: CodeActionProvider = {
  provideCodeActions(document: TextDocument, range: Range, context: CodeActionContext): CodeAction[] {
    const actions: CodeAction[] = [];
    if (context.diagnostics.length > 0) actions.push(fix(document, context.diagnostics));
    if (!range.isEmpty) actions.push(askAbout(document, range));
    return actions;
  },
};

function fix(document: TextDocument, diagnostics: readonly Diagnostic[]): CodeAction {
  const action = new CodeAction(l10n.t('Fix with the agent'), CodeActionKind.QuickFix);
  action.diagnostics = [...diagnostics];
  const range = diagnostics.map((diagnostic) => diagnostic.range).reduce((one, other) => one.union(other));
  const prompt = diagnostics.length === 1 ? l10n.t('Fix this problem.') : l10n.t('Fix these problems.');
  const context = attachmentOf(document.uri, range, [...diagnostics])?.context;
  action.command = { command: 'agentLsp.askAbout', title: action.title, arguments: [{ prompt, context }] };
  return action;
}

function askAbout(document: TextDocument, range: Range): CodeAction {
  const action = new CodeAction(l10n.t('Ask the agent about the selection…'), CodeActionKind.RefactorRewrite);
  const context = attachmentOf(document.uri, range)?.context;
  action.command = { command: 'agentLsp.askAbout', title: action.title, arguments: [{ context }] };
  return action;
}
