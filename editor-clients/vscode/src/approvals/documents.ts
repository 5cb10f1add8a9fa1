/** What a question is about, as read-only documents: a diff of the file, else all that would be done as text. */

import {
  commands,
  l10n,
  TabInputText,
  TabInputTextDiff,
  Uri,
  ViewColumn,
  window,
  workspace,
  type Tab,
  type TextDocumentContentProvider,
} from 'vscode';
import type { Approval, FileDiff } from '../contract';
import { withHunks } from './hunks';

export const SCHEME = 'agent-lsp-question';

/** The question that a document or the active tab belongs to. */
export function questionOf(uri: Uri | undefined): string | undefined {
  return uri?.scheme === SCHEME ? uri.query : undefined;
}

export class QuestionDocuments implements TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();

  provideTextDocumentContent(uri: Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  /** Opens it beside what the user does; the focus stays where it is. */
  async open(approval: Approval): Promise<void> {
    const change = approval.diff?.length === 1 ? approval.diff[0] : undefined;
    const texts = change && (await beforeAndAfter(change));
    if (change && texts) await this.openDiff(approval, change, texts);
    else if (approval.document) await openWhole(approval.document);
    else await this.openDetail(approval);
  }

  /** Closes what was opened for a question. */
  async close(approvalId: string): Promise<void> {
    const tabs = tabsOf((one) => one === approvalId);
    if (tabs.length > 0) await window.tabGroups.close(tabs, true);
    for (const key of [...this.texts.keys()]) {
      if (Uri.parse(key).query === approvalId) this.texts.delete(key);
    }
  }

  private async openDiff(
    approval: Approval,
    change: FileDiff,
    texts: { before: string; after: string },
  ): Promise<void> {
    const { path } = Uri.parse(change.uri);
    const before = this.keep(approval, 'before', path, texts.before);
    const after = this.keep(approval, 'after', path, texts.after);
    const name = workspace.asRelativePath(Uri.parse(change.uri));
    const options = { viewColumn: quietColumn(), preserveFocus: true, preview: true };
    await commands.executeCommand('vscode.diff', before, after, l10n.t('{0} (the agent asks)', name), options);
  }

  private async openDetail(approval: Approval): Promise<void> {
    const name = approval.diff ? 'question.diff' : 'question.txt';
    const taint = approval.taint ? `${l10n.t('Untrusted text was read before: {0}', approval.taint)}\n` : '';
    const text = `${approval.title}\n\n${approval.detail}\n${approval.reason}\n${taint}`;
    const uri = this.keep(approval, 'detail', `/${name}`, text);
    await window.showTextDocument(uri, { viewColumn: quietColumn(), preserveFocus: true, preview: true });
  }

  private keep(approval: Approval, side: string, path: string, text: string): Uri {
    const uri = Uri.from({ scheme: SCHEME, authority: side, path, query: approval.approvalId });
    this.texts.set(uri.toString(), text);
    return uri;
  }
}

/** The daemon wrote it, and nobody may write to it. */
async function openWhole(uri: string): Promise<void> {
  await window.showTextDocument(Uri.parse(uri, true), {
    viewColumn: quietColumn(),
    preserveFocus: true,
    preview: true,
  });
}

/** Undefined where the file is no longer what the change was computed from. */
async function beforeAndAfter(change: FileDiff): Promise<{ before: string; after: string } | undefined> {
  const before = await textOf(Uri.parse(change.uri));
  const after = withHunks(before, change.hunks);
  return after === undefined ? undefined : { before, after };
}

/** Opening the document would make the editor hold it, and the daemon would be told so. */
async function textOf(uri: Uri): Promise<string> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) return open.getText();
  try {
    return new TextDecoder().decode(await workspace.fs.readFile(uri));
  } catch {
    return ''; // it is to be created
  }
}

/** Never the column where the user types: a tab that opens there would take the keys. */
function quietColumn(): ViewColumn {
  const shown = tabsOf(() => true)[0];
  if (shown) return shown.group.viewColumn;
  return window.tabGroups.activeTabGroup.activeTab ? ViewColumn.Beside : ViewColumn.Active;
}

function tabsOf(wanted: (approvalId: string) => boolean): Tab[] {
  return window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter((tab) => {
      const approvalId = questionOf(uriOf(tab));
      return approvalId !== undefined && wanted(approvalId);
    });
}

/** The document of a tab, of a diff the right one. */
export function uriOf(tab: Tab | undefined): Uri | undefined {
  if (tab?.input instanceof TabInputTextDiff) return tab.input.modified;
  return tab?.input instanceof TabInputText ? tab.input.uri : undefined;
}
