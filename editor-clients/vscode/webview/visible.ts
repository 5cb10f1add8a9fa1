/** Characters that could deceive a reader are shown as escapes, in the daemon's notation. */

const BLANKS = '\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2800\\u3164\\uffa0\\u{1d159}\\u{e0000}-\\u{e0fff}';

/**
 * For what is to be judged (titles, diffs, commands, output) everything that agent_lsp/permissions/approval.py escapes:
 * controls, format characters, odd spaces, and what shows nothing. Line ends and tabs stay.
 */
export const LINES = new RegExp(
  `(?![\\n\\t ])[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Cn}\\p{Zl}\\p{Zp}\\p{Zs}\\ufe00-\\ufe0f${BLANKS}]`,
  'gu',
);

/** For prose the same, but for what languages and emoji need: joiners, variation selectors and no-break spaces. */
export const PROSE = new RegExp(
  `(?![\\n\\t \\u00ad\\u200c\\u200d])[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Cn}\\p{Zl}\\p{Zp}${BLANKS}]`,
  'gu',
);

/** Appends text, with what `pattern` finds as escapes that stand out. */
export function appendVisible(target: Node, text: string, pattern: RegExp): void {
  let from = 0;
  for (const found of text.matchAll(pattern)) {
    if (found.index > from) {
      target.appendChild(document.createTextNode(text.slice(from, found.index)));
    }
    target.appendChild(mark(found[0]));
    from = found.index + found[0].length;
  }
  if (from < text.length) {
    target.appendChild(document.createTextNode(from === 0 ? text : text.slice(from)));
  }
}

/** Whether text holds nothing that `pattern` finds. */
export function isPlain(text: string, pattern: RegExp): boolean {
  return text.search(pattern) < 0;
}

function mark(character: string): HTMLElement {
  const made = document.createElement('span');
  made.className = 'escape';
  made.textContent = escaped(character.codePointAt(0) ?? 0);
  return made;
}

function escaped(code: number): string {
  if (code === 13) {
    return '\\r';
  }
  const digits = code.toString(16);
  return code < 0x100
    ? `\\x${digits.padStart(2, '0')}`
    : code < 0x10000
      ? `\\u${digits.padStart(4, '0')}`
      : `\\U${digits.padStart(8, '0')}`;
}
