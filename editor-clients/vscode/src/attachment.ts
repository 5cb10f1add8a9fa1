/** What a prompt carries: the active file, its selection, and diagnostics, as VS Code has them and as the wire wants. */

import type { Range } from 'vscode';
import {
  DiagnosticSeverity,
  Disposable,
  EventEmitter,
  languages,
  window,
  workspace,
  type Diagnostic,
  type TextEditor,
  type Uri,
} from 'vscode';
import type { Attachment } from './chat/port';

/** The attachment of a place; diagnostics are those that touch its range. */
export function attachmentOf(uri: Uri, range?: Range, diagnostics = diagnosticsIn(uri, range)): Attachment | undefined {
  if (uri.scheme !== 'file') return undefined;
  const selected = range && !range.isEmpty ? range : undefined;
  return {
    label: workspace.asRelativePath(uri),
    ...(selected && { lines: { first: selected.start.line + 1, last: lastLine(selected) } }),
    context: {
      uri: uri.toString(),
      ...(range && { range: onWire(range) }),
      ...(diagnostics.length > 0 && { diagnostics: diagnostics.map(diagnosticOnWire) }),
    },
  };
}

/** Follows the active editor. */
export class ActiveAttachment {
  private readonly changes = new EventEmitter<Attachment | undefined>();
  /** The last editor of a file: the chat's own focus leaves none active. */
  private editor: TextEditor | undefined = window.activeTextEditor;

  readonly onChange = this.changes.event;

  get current(): Attachment | undefined {
    if (!this.editor) return undefined;
    const { document, selection } = this.editor;
    return attachmentOf(document.uri, selection.isEmpty ? undefined : selection);
  }

  register(): Disposable {
    return Disposable.from(
      window.onDidChangeActiveTextEditor((editor) => {
        if (editor?.document.uri.scheme === 'file' || window.visibleTextEditors.length === 0) this.follow(editor);
      }),
      window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (textEditor === this.editor) this.follow(textEditor);
      }),
      workspace.onDidCloseTextDocument((document) => {
        if (document === this.editor?.document) this.follow(undefined);
      }),
    );
  }

  private follow(editor: TextEditor | undefined): void {
    this.editor = editor;
    this.changes.fire(this.current);
  }
}

function diagnosticsIn(uri: Uri, range: Range | undefined): readonly Diagnostic[] {
  if (!range) return [];
  return languages.getDiagnostics(uri).filter((diagnostic) => diagnostic.range.intersection(range));
}

/** A selection that ends at the start of a line does not take that line in. */
function lastLine(range: Range): number {
  return range.end.character === 0 && range.end.line > range.start.line ? range.end.line : range.end.line + 1;
}

function onWire({ start, end }: Range): {
  start: { line: number; character: number };
  end: { line: number; character: number };
} {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}

/** LSP counts severities from 1, VS Code from 0. */
function diagnosticOnWire(diagnostic: Diagnostic): object {
  return {
    range: onWire(diagnostic.range),
    severity: Object.values(DiagnosticSeverity).includes(diagnostic.severity) ? diagnostic.severity + 1 : 1,
    ...(diagnostic.source && { source: diagnostic.source }),
    message: diagnostic.message,
  };
}
