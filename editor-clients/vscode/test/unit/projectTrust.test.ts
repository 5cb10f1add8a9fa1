import { expect, test } from 'vitest';
import { Disposable, TabInputText, window, type Memento, type Uri } from 'vscode';
import type { TrustAnswer } from '../../src/contract';
import { textOf, TrustQuestion, waiting } from '../../src/projectTrust';

const WAITS: TrustAnswer = {
  trusted: false,
  digest: 'abc',
  files: [{ uri: 'file:///p/.agent/config.toml', text: 'preset = "plan"\n', problem: 'one\ntwo' }],
  changed: [],
};

function memory(): Memento {
  const kept = new Map<string, unknown>();
  return {
    keys: () => [...kept.keys()],
    get: (key: string) => kept.get(key),
    update: (key: string, value: unknown) => {
      kept.set(key, value);
      return Promise.resolve();
    },
  } as Memento;
}

const answering =
  (answer: TrustAnswer) =>
  <T>(): Promise<T> =>
    Promise.resolve(answer as T);

test('what waits is asked about once, and again when it is something else', async () => {
  const asked = memory();
  expect(await waiting({ call: answering(WAITS), asked })).toEqual(WAITS);
  expect(await waiting({ call: answering(WAITS), asked })).toBeUndefined();
  const other = { ...WAITS, digest: 'def' };
  expect(await waiting({ call: answering(other), asked })).toEqual(other);
});

test('what is trusted, and what is not there, is not asked about', async () => {
  expect(await waiting({ call: answering({ ...WAITS, trusted: true }), asked: memory() })).toBeUndefined();
  expect(await waiting({ call: answering({ ...WAITS, files: [], digest: '' }), asked: memory() })).toBeUndefined();
});

test('all of it is shown, with what of it has no effect', () => {
  expect(textOf(WAITS)).toBe('# /p/.agent/config.toml\npreset = "plan"\n\n! one\n! two\n');
});

/** An editor whose user answers open questions by their number, in whatever order. */
function editor(): { answers: ((answer: string | undefined) => void)[]; open: () => string[] } {
  const answers: ((answer: string | undefined) => void)[] = [];
  let tabs: { input: TabInputText }[] = [];
  Object.assign(window, {
    showTextDocument: (uri: Uri) => Promise.resolve(tabs.push({ input: new TabInputText(uri) })),
    showWarningMessage: () => new Promise((resolve) => answers.push(resolve)),
    tabGroups: {
      get all() {
        return [{ tabs }];
      },
      close: (closed: unknown[]) => Promise.resolve((tabs = tabs.filter((tab) => !closed.includes(tab)))),
    },
  });
  return { answers, open: () => tabs.map((tab) => tab.input.uri.query) };
}

test('a yes holds only for what is shown by then, and closes nothing of another question', async () => {
  const { answers, open } = editor();
  const trusted: string[] = [];
  const nothing = new Disposable(() => undefined);
  let standing = WAITS;
  const question = new TrustQuestion({
    call: <T>(_: string, params: object): Promise<T> => {
      if ('digest' in params) trusted.push(String(params.digest));
      return Promise.resolve(standing as T);
    },
    daemon: { onReady: () => nothing },
    events: () => nothing,
    asked: memory(),
    log: () => undefined,
    say: () => undefined,
  });
  const first = question.review();
  standing = { ...WAITS, digest: 'def' };
  const second = question.review();
  await expect.poll(() => answers.length).toBe(2);
  answers[0]?.('Trust');
  await first;
  expect({ trusted, open: open() }).toEqual({ trusted: [], open: ['def'] });
  answers[1]?.('Trust');
  await second;
  expect({ trusted, open: open() }).toEqual({ trusted: ['def'], open: [] });
});
