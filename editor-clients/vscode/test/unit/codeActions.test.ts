import { expect, test } from 'vitest';
import type { CodeAction, CodeActionContext, CodeActionProvider, Diagnostic, TextDocument, Uri } from 'vscode';
import { attachmentOf } from '../../src/attachment';
import { provider } from '../../src/codeActions';
import { DiagnosticSeverity, Range } from '../vscode';

const uri = { scheme: 'file', path: '/garden/a.py', toString: () => 'file:///garden/a.py' } as unknown as Uri; // only these are used
const range = (...ends: [number, number, number, number]): Parameters<CodeActionProvider['provideCodeActions']>[1] =>
  new Range(...ends) as never; // the stub's has what is used

const problem = (line: number): Diagnostic => {
  const severity = DiagnosticSeverity.Warning;
  const made: unknown = { range: range(line, 0, line, 3), severity, source: 'lint', message: `bad ${line}` };
  return made as Diagnostic;
};

function actions(at: ReturnType<typeof range>, diagnostics: Diagnostic[]): CodeAction[] {
  const context = { diagnostics } as unknown as CodeActionContext; // only these are used
  return provider.provideCodeActions({ uri } as TextDocument, at, context, undefined as never) as CodeAction[];
}

test('a cursor on no problem offers nothing', () => {
  expect(actions(range(1, 2, 1, 2), [])).toEqual([]);
});

test('a selection can be asked about, and goes with the prompt', () => {
  const [action] = actions(range(1, 0, 3, 2), []);
  expect(action).toMatchObject({ title: 'Ask the agent about the selection…', kind: 'refactor.rewrite' });
  expect(action?.command?.arguments).toEqual([
    {
      context: {
        uri: 'file:///garden/a.py',
        range: { start: { line: 1, character: 0 }, end: { line: 3, character: 2 } },
      },
    },
  ]);
});

test('problems at the cursor can be fixed; they go with the prompt, their severities as LSP counts them', () => {
  const [action] = actions(range(4, 0, 4, 0), [problem(6), problem(4)]);
  expect(action).toMatchObject({ title: 'Fix with the agent', kind: 'quickfix' });
  const told = (line: number): object => ({
    range: { start: { line, character: 0 }, end: { line, character: 3 } },
    severity: 2,
    source: 'lint',
    message: `bad ${line}`,
  });
  expect(action?.command?.arguments).toEqual([
    {
      prompt: 'Fix these problems.',
      context: {
        uri: 'file:///garden/a.py',
        range: { start: { line: 4, character: 0 }, end: { line: 6, character: 3 } },
        diagnostics: [told(6), told(4)],
      },
    },
  ]);
});

test('an attachment names its lines as a reader counts them', () => {
  expect(attachmentOf(uri)).toEqual({ label: 'a.py', context: { uri: 'file:///garden/a.py' } });
  expect(attachmentOf(uri, range(1, 0, 2, 5))?.lines).toEqual({ first: 2, last: 3 });
  expect(attachmentOf(uri, range(1, 0, 3, 0))?.lines).toEqual({ first: 2, last: 3 });
});

test('what is no file on a disk is no attachment', () => {
  expect(attachmentOf({ scheme: 'untitled' } as unknown as Uri)).toBeUndefined();
});
