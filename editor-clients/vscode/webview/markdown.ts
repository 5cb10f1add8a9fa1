/** Markdown → elements, without HTML in between: markdown-it's tokens become elements of a short list of tags. */

import MarkdownIt from 'markdown-it';
import type { Token } from 'markdown-it';
import { CodeBlock, type CodeDoors } from './code';
import { element } from './dom';
import { hidesTarget, isLink, link } from './links';
import { appendVisible, PROSE } from './visible';

export interface Doors extends CodeDoors {
  openLink: (target: string) => void;
}

const TAGS: Readonly<Record<string, keyof HTMLElementTagNameMap>> = {
  p: 'p', ul: 'ul', ol: 'ol', li: 'li', blockquote: 'blockquote', strong: 'strong', em: 'em', s: 's',
  table: 'table', thead: 'thead', tbody: 'tbody', tr: 'tr', th: 'th', td: 'td',
  h1: 'h3', h2: 'h4', h3: 'h5', h4: 'h6', h5: 'h6', h6: 'h6',
}; // prettier-ignore

const parser = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false });
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false }); // `main.py` is no host in Paraguay
parser.validateLink = isLink;

/** A block at the top level: its tokens, and the line of the source that it begins in. */
export interface Block {
  tokens: readonly Token[];
  line: number;
}

/** The blocks of a text. `definitions` keeps link definitions from one text to the next. */
export function blocks(text: string, definitions: Record<string, unknown>): Block[] {
  const found: { tokens: Token[]; line: number }[] = [];
  let depth = 0;
  for (const token of parser.parse(text, definitions)) {
    if (depth === 0) {
      found.push({ tokens: [], line: token.map?.[0] ?? 0 });
    }
    found.at(-1)?.tokens.push(token);
    depth += token.nesting;
  }
  return found;
}

/** The code of a block that is nothing else, so that it can grow in place. */
export function codeOf(block: Block | undefined): { content: string; language: string } | undefined {
  const token = block?.tokens[0];
  if (block?.tokens.length !== 1 || (token?.type !== 'fence' && token?.type !== 'code_block')) {
    return undefined;
  }
  return { content: token.content, language: /^\S*/.exec(token.info.trim())?.[0] ?? '' };
}

/** Appends a block's elements. */
export function appendTokens(target: HTMLElement, tokens: readonly Token[], doors: Doors): void {
  const open: HTMLElement[] = [target];
  for (const token of tokens) {
    const inside = open.at(-1) ?? target;
    if (token.hidden) {
      continue; // the paragraphs of a tight list
    }
    if (token.nesting === 1) {
      const made = opened(token, doors);
      inside.append(made);
      open.push(made.querySelector<HTMLElement>('.inside') ?? made);
    } else if (token.nesting === -1) {
      const closed = open.pop();
      if (token.type === 'link_close' && closed) {
        appendTarget(closed);
      }
    } else {
      appendLeaf(inside, token, doors);
    }
  }
}

function opened(token: Token, doors: Doors): HTMLElement {
  if (token.type === 'link_open') {
    return link(attribute(token, 'href'), doors.openLink);
  }
  const tag = TAGS[token.tag] ?? 'span';
  if (tag === 'table') {
    return element('div', { class: 'table', tabindex: '0' }, element('table', { class: 'inside' }));
  }
  const made = element(tag);
  const start = attribute(token, 'start');
  if (tag === 'ol' && start !== '') {
    made.setAttribute('start', start);
  }
  return made;
}

function appendLeaf(target: HTMLElement, token: Token, doors: Doors): void {
  switch (token.type) {
    case 'inline':
      appendTokens(target, token.children ?? [], doors);
      return;
    case 'fence':
    case 'code_block': {
      const block = new CodeBlock(doors);
      block.update(token.content, codeOf({ tokens: [token], line: 0 })?.language ?? '');
      target.append(block.root);
      return;
    }
    case 'code_inline':
      target.append(element('code', {}, token.content));
      return;
    case 'softbreak':
      target.append('\n');
      return;
    case 'hardbreak':
      target.append(element('br'));
      return;
    case 'hr':
      target.append(element('hr'));
      return;
    case 'image':
      appendImage(target, token, doors);
      return;
    default:
      appendVisible(target, token.content, PROSE);
  }
}

/** Nothing is loaded for a text: a picture is a link to it. */
function appendImage(target: HTMLElement, token: Token, doors: Doors): void {
  const source = attribute(token, 'src');
  const made = link(source, doors.openLink);
  appendVisible(made, token.content || source, PROSE);
  target.append(made);
  appendTarget(made);
}

/** What is behind a link is as much to be seen as its words: an address can carry out what was read here. */
function appendTarget(shown: HTMLElement): void {
  const target = shown.title;
  if (hidesTarget(target, shown.textContent)) {
    shown.after(element('span', { class: 'target' }, ` (${target})`));
  }
}

function attribute(token: Token, name: string): string {
  return String(token.attrGet(name) ?? '');
}
