/** What the units under test use of VS Code, outside VS Code. */

/** Texts as they are, `{0}` filled in. */
export const l10n = {
  t: (text: string, ...values: readonly (string | number)[]): string =>
    text.replace(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole)),
};

export class EventEmitter<T> {
  private readonly listeners = new Set<(value: T) => void>();

  readonly event = (listener: (value: T) => void): { dispose: () => void } => {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  };

  fire(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }
}

export enum QuickPickItemKind {
  Separator = -1,
  Default = 0,
}

export enum ProgressLocation {
  Notification = 15,
}

export enum StatusBarAlignment {
  Left = 1,
}

export enum DiagnosticSeverity {
  Error = 0,
  Warning = 1,
  Information = 2,
  Hint = 3,
}

export class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}

export class Range {
  readonly start: Position;
  readonly end: Position;

  constructor(startLine: number, startCharacter: number, endLine: number, endCharacter: number) {
    this.start = new Position(startLine, startCharacter);
    this.end = new Position(endLine, endCharacter);
  }

  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }

  union(other: Range): Range {
    const [start] = [this.start, other.start].sort(inOrder);
    const [, end] = [this.end, other.end].sort(inOrder);
    return new Range(start?.line ?? 0, start?.character ?? 0, end?.line ?? 0, end?.character ?? 0);
  }
}

function inOrder(one: Position, other: Position): number {
  return one.line - other.line || one.character - other.character;
}

export const CodeActionKind = { QuickFix: 'quickfix', RefactorRewrite: 'refactor.rewrite' };

export class CodeAction {
  command: unknown;

  constructor(
    readonly title: string,
    readonly kind: string,
  ) {}
}

export const languages = { getDiagnostics: (): [] => [] };
export const window = {};
export const ViewColumn = { Beside: -2 };

export class TabInputText {
  constructor(readonly uri: unknown) {}
}

export const workspace = {
  workspaceFolders: [],
  asRelativePath: ({ path }: { path: string }): string => path.replace('/garden/', ''),
};

export const env = { language: 'en', clipboard: { writeText: (): Promise<void> => Promise.resolve() } };

export class Disposable {
  constructor(private readonly end: () => void) {}

  static from(...parts: { dispose: () => void }[]): Disposable {
    return new Disposable(() => {
      for (const part of parts) part.dispose();
    });
  }

  dispose(): void {
    this.end();
  }
}

export const Uri = {
  joinPath: (...parts: readonly string[]): string => parts.join('/'),
  parse: (text: string): { path: string } => ({ path: new URL(text).pathname }),
  from: <Parts>(parts: Parts): Parts => parts,
};
