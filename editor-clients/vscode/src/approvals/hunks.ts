/** A change's hunks: the text they make, and how they are put to the user one by one. */

import type { DiffHunk } from '../contract';

/** CR LF, LF and CR end a line and nothing else does (LSP 3.17, text documents). */
const LINE = /[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g;

const MOST_SHOWN = 120;

/** The text with all hunks made; undefined where it is not the text that they were computed from. */
export function withHunks(before: string, hunks: readonly DiffHunk[]): string | undefined {
  const lines = linesOf(before);
  const made: string[] = [];
  let done = 0;
  for (const hunk of hunks) {
    const start = hunk.oldStart - 1;
    const end = start + linesOf(hunk.old).length;
    if (start < done || lines.slice(start, end).join('') !== hunk.old) return undefined;
    made.push(...lines.slice(done, start), hunk.new);
    done = end;
  }
  return [...made, ...lines.slice(done)].join('');
}

/** A hunk as one choice of a list: where it is, and its first changed line. */
export interface HunkChoice {
  id: string;
  label: string;
  detail: string;
}

/** What is shown of each hunk: `line 12: −2 +3`, and the first line of either side. */
export function choices(hunks: readonly DiffHunk[], nameOf: (line: number) => string): HunkChoice[] {
  return hunks.map((hunk) => {
    const [old, added] = [linesOf(hunk.old), linesOf(hunk.new)];
    const sides = [
      ...old.slice(0, 1).map((line) => `− ${shown(line)}`),
      ...added.slice(0, 1).map((line) => `+ ${shown(line)}`),
    ];
    return {
      id: hunk.id,
      label: `${nameOf(hunk.oldStart)}: −${old.length} +${added.length}`,
      detail: sides.join('   '),
    };
  });
}

function linesOf(text: string): string[] {
  return text.match(LINE) ?? [];
}

/** Hunks come as they are; what a list cannot show is escaped, `$(…)` is no icon. */
function shown(line: string): string {
  const escaped = line.trim().replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, (char) => {
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
  });
  const cut = escaped.length > MOST_SHOWN ? `${escaped.slice(0, MOST_SHOWN)}…` : escaped;
  return cut.replaceAll('$(', '$ (');
}
