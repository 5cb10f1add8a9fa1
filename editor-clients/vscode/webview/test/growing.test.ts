import { expect, test } from 'vitest';
import { shownAfter } from '../../src/chat/shown';
import { GrowingMarkdown } from '../growing';
import type { Doors } from '../markdown';
import { opened } from './opened';
import { SCENES } from './scenes';

const DOORS: Doors = { openLink: () => undefined, copy: () => undefined, copyLabel: 'Copy', copiedLabel: 'Copied' };

const TEXT = `# Title

A paragraph with **bold**, \`code\` and a [link](https://example.org),
over two lines.

- one
- two

  still two
  - nested

1. first
2. second

> quoted
> twice

| a | b |
| - | - |
| 1 | 2 |

\`\`\`ts
const x = 1;

// a comment
\`\`\`

Setext
======

    indented code

<b>no html</b> &amp; entity\\
hard break 🙂

---

The \`end\`.
`;

function whole(text: string): string {
  const markdown = new GrowingMarkdown(DOORS);
  markdown.update(text);
  return markdown.root.innerHTML;
}

test('a text that grew looks like one that came at once, wherever it was cut', () => {
  for (let size = 1; size <= 40; size += 1) {
    const markdown = new GrowingMarkdown(DOORS);
    for (let end = size; end < TEXT.length + size; end += size) {
      markdown.update(TEXT.slice(0, end));
    }
    expect(markdown.root.innerHTML, `in pieces of ${size}`).toBe(whole(TEXT));
  }
});

test('blocks before the last stay the elements they are', () => {
  const markdown = new GrowingMarkdown(DOORS);
  markdown.update('first\n\nsecond\n\nthi');
  const [first, second] = markdown.root.children;
  markdown.update('first\n\nsecond\n\nthird\n\nfour');
  expect([...markdown.root.children].slice(0, 2)).toEqual([first, second]);
  expect(markdown.root.children[0]).toBe(first);
});

test('code that grows grows in place', () => {
  const markdown = new GrowingMarkdown(DOORS);
  markdown.update('```ts\nconst');
  const code = markdown.root.querySelector('code');
  markdown.update('```ts\nconst x');
  expect(markdown.root.querySelector('code')).toBe(code);
  expect(code?.textContent).toBe('const x');
});

test('another text replaces the old one', () => {
  const markdown = new GrowingMarkdown(DOORS);
  markdown.update('one\n\ntwo');
  markdown.update('other');
  expect(markdown.root.innerHTML).toBe('<p>other</p>');
});

test('only what may be a link becomes one', () => {
  const markdown = new GrowingMarkdown(DOORS);
  markdown.update(
    '[a](javascript:x) [b](command:x) [c](data:x) [d](vscode://x) <javascript:x> ![e](https://e.org/i.png) f.py',
  );
  expect([...markdown.root.querySelectorAll('a')].map((link) => link.title)).toEqual(['https://e.org/i.png']);
  expect(markdown.root.querySelector('img')).toBeNull();
});

test('twenty thousand deltas: the time they take is printed', () => {
  const head = { sessionId: 's', turnId: 't', seq: 1 };
  let shown = SCENES['empty'];
  if (!shown) throw new Error('no scene');
  const page = opened(shown);
  const pieces = Array.from({ length: 20_000 }, (_, index) => (index % 40 === 39 ? 'end.\n\n' : `word${index} `));
  shown = shownAfter(shown, { type: 'event', event: { ...head, kind: 'turnStarted', prompt: 'go', model: 'm' } });
  const began = performance.now();
  let folding = 0;
  let offset = 0;
  let slowest = 0;
  for (const [index, text] of pieces.entries()) {
    const start = performance.now();
    shown = shownAfter(shown, { type: 'event', event: { ...head, kind: 'textDelta', text, offset } });
    folding += performance.now() - start;
    offset += text.length;
    if (index % 10 === 9) {
      const frame = performance.now();
      page.page.update(shown);
      slowest = Math.max(slowest, performance.now() - frame);
    }
  }
  const total = performance.now() - began;
  console.log(
    `20,000 deltas, a frame each 10: ${total.toFixed(0)} ms, of it folding ${folding.toFixed(0)} ms, slowest frame ${slowest.toFixed(1)} ms`,
  );
  expect(page.all('.markdown p')).toHaveLength(500);
});
