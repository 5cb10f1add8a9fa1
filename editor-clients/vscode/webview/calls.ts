/** A tool call: one row, which unfolds to what went in and what came out. */

import type { ToolKind } from '../src/contract';
import type { Answer, Call, CallStatus } from '../src/chat/transcript';
import type { Texts } from '../src/chat/texts';
import type { Context } from './context';
import { element, fill, icon, say } from './dom';
import type { Row } from './keyed';

const KIND_ICONS: Readonly<Record<ToolKind, string>> = {
  read: 'file', edit: 'edit', delete: 'trash', move: 'file-symlink-file', search: 'search', execute: 'terminal',
  fetch: 'globe', other: 'tools',
}; // prettier-ignore

const TOOL_KINDS: Readonly<Record<string, ToolKind>> = {
  read_file: 'read', list_files: 'read', search: 'search', write_file: 'edit', edit_file: 'edit',
  delete_file: 'delete', move_file: 'move', run_command: 'execute', run_code: 'execute', web_search: 'fetch', web_fetch: 'fetch',
}; // prettier-ignore

const STATUS_ICONS: Readonly<Record<CallStatus, string>> = {
  waiting: 'circle-large', running: 'loading', asking: 'question', done: 'check', failed: 'error', rejected: 'circle-slash',
  cancelled: 'circle-slash',
}; // prettier-ignore

const MOST_PREVIEW = 160;

export class CallRow implements Row<Call> {
  readonly root = element('details', { class: 'call' });
  private readonly kind = element('span', { class: 'call-kind' });
  private readonly title = element('span', { class: 'call-title' });
  private readonly status = element('span', { class: 'call-status' });
  private readonly preview = element('div', { class: 'call-preview' });
  private readonly body = element('div', { class: 'call-body' });
  private shown: Call | undefined;

  constructor(private readonly context: Context) {
    const line = element('span', { class: 'call-line' }, this.kind, this.title, this.status);
    this.root.append(element('summary', {}, line, this.preview), this.body);
    this.root.addEventListener('toggle', () => {
      this.drawBody();
    });
  }

  update(call: Call): void {
    if (call === this.shown) {
      return;
    }
    this.shown = call;
    const { texts } = this.context;
    setIcon(this.kind, KIND_ICONS[call.toolKind ?? TOOL_KINDS[call.tool] ?? 'other']);
    setIcon(this.status, STATUS_ICONS[call.status]);
    this.root.dataset.status = call.status;
    say(this.title, titleOf(call));
    this.status.title = texts[call.status];
    this.status.setAttribute('role', 'img');
    this.status.setAttribute('aria-label', texts[call.status]);
    say(this.preview, previewOf(call, texts));
    this.drawBody();
  }

  /** What is folded away is not drawn: a result may be long. */
  private drawBody(): void {
    const call = this.shown;
    this.body.replaceChildren();
    if (!this.root.open || !call) {
      return;
    }
    const { texts } = this.context;
    this.body.append(
      ...section(texts.input, readableArguments(call.arguments)),
      ...section(texts.output, call.output),
      ...section(call.whole ? texts.result : texts.firstLine, call.result),
    );
  }
}

/** How a call is called: by the daemon's words, or by its tool and what it is about. */
export function titleOf(call: Call): string {
  return call.title ?? `${call.tool} ${subject(call.arguments)}`.trim();
}

/** What the user answered, in one line. */
export function answerLine({ decision, answered, feedback }: Answer, texts: Texts): string {
  if (!answered) {
    return texts.nobodyAnswered;
  }
  switch (decision) {
    case 'allow_once':
      return texts.allowedOnce;
    case 'allow_session':
      return texts.allowedSession;
    case 'allow_always':
      return texts.allowedAlways;
    case 'reject':
      return feedback === '' ? texts.youRejected : fill(texts.youRejectedSaying, feedback);
  }
}

function previewOf(call: Call, texts: Texts): string {
  if (call.answer && (call.answer.decision === 'reject' || !call.answer.answered)) {
    return answerLine(call.answer, texts);
  }
  if (call.status === 'failed' || call.status === 'rejected') {
    return shortened(call.result.split('\n', 1)[0] ?? '');
  }
  if (call.status === 'running' && call.output !== '') {
    return shortened(call.output.trimEnd().slice(-MOST_PREVIEW).split('\n').at(-1) ?? '');
  }
  return '';
}

function shortened(text: string): string {
  return text.length > MOST_PREVIEW ? `${text.slice(0, MOST_PREVIEW)}…` : text;
}

function section(label: string, text: string): HTMLElement[] {
  if (text === '') {
    return [];
  }
  return [element('div', { class: 'call-label' }, label), element('pre', { tabindex: '0' }, text)];
}

/** Strings with line ends are shown as the text they are; everything else as JSON. */
function readableArguments(written: string | undefined): string {
  const fields = parsedFields(written);
  if (!fields) {
    return written ?? '';
  }
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)}`)
    .join('\n');
}

function subject(written: string | undefined): string {
  const fields = parsedFields(written) ?? {};
  const names = ['path', 'command', 'pattern', 'query', 'url'];
  const found = names.map((name) => fields[name]).find((value) => typeof value === 'string');
  return typeof found === 'string' ? found : '';
}

function parsedFields(written: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(written ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined; // the model wrote no JSON: it is shown as it is
  }
}

function setIcon(target: HTMLElement, name: string): void {
  if (target.dataset.icon !== name) {
    target.dataset.icon = name;
    target.replaceChildren(icon(name));
  }
}
