/** A Markdown text that grows: only its last block is read and drawn anew, whatever stands before it stays. */

import { CodeBlock } from './code';
import { element } from './dom';
import { appendTokens, blocks, codeOf, type Doors } from './markdown';

export class GrowingMarkdown {
  readonly root = element('div', { class: 'markdown' });
  private text = '';
  /** Where the last block begins: a later line cannot change what stands before. */
  private settled = 0;
  private last: Node[] = [];
  private code: CodeBlock | undefined;
  private definitions: Record<string, unknown> = {};

  constructor(private readonly doors: Doors) {}

  /** Shows another text; cheap when it is the old one with more at its end. */
  update(text: string): void {
    if (text === this.text) {
      return;
    }
    if (!text.startsWith(this.text)) {
      this.clear();
    }
    this.text = text;
    const tail = text.slice(this.settled);
    const found = blocks(tail, this.definitions);
    const growing = found.length === 1 ? codeOf(found[0]) : undefined;
    if (growing && this.code) {
      this.code.update(growing.content, growing.language);
      return;
    }
    this.drawTail(found);
    this.settled += offsetOfLine(tail, found.at(-1)?.line ?? 0);
  }

  private drawTail(found: ReturnType<typeof blocks>): void {
    for (const node of this.last) {
      this.root.removeChild(node);
    }
    const settled = this.root.childNodes.length;
    this.code = undefined;
    found.forEach((block, index) => {
      const isLast = index === found.length - 1;
      const before = this.root.childNodes.length;
      const code = isLast ? codeOf(block) : undefined;
      if (code) {
        this.code = new CodeBlock(this.doors);
        this.code.update(code.content, code.language);
        this.root.append(this.code.root);
      } else {
        appendTokens(this.root, block.tokens, this.doors);
      }
      this.last = isLast ? [...this.root.childNodes].slice(before) : [];
    });
    if (found.length === 0) {
      this.last = [...this.root.childNodes].slice(settled);
    }
  }

  private clear(): void {
    this.root.replaceChildren();
    this.settled = 0;
    this.last = [];
    this.code = undefined;
    this.definitions = {};
  }
}

function offsetOfLine(text: string, line: number): number {
  let offset = 0;
  const ends = text.matchAll(/\r\n?|\n/g);
  for (let count = 0; count < line; count += 1) {
    const end = ends.next().value;
    if (end === undefined) {
      break;
    }
    offset = end.index + end[0].length;
  }
  return offset;
}
