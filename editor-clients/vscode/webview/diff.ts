/** A change to files, by hunks, which can be chosen one by one where there are several. */

import type { FileDiff, DiffHunk } from '../src/contract';
import type { Texts } from '../src/chat/texts';
import { element, fill } from './dom';

export class DiffView {
  readonly root = element('div', { class: 'diff' });
  private readonly leftOut = new Set<string>();
  private readonly hunks: readonly DiffHunk[];

  constructor(
    diff: readonly FileDiff[],
    private readonly texts: Texts,
    private readonly chosen: () => void,
  ) {
    this.hunks = diff.flatMap((file) => file.hunks);
    const canChoose = diff.length === 1 && this.hunks.length > 1;
    this.hunks.forEach((hunk, index) => {
      this.root.append(this.hunk(hunk, index + 1, canChoose));
    });
  }

  /** How many hunks there are, and how many of them the user wants. */
  get counts(): { all: number; wanted: number } {
    return { all: this.hunks.length, wanted: this.hunks.length - this.leftOut.size };
  }

  /** The ids of the hunks that the user wants; undefined for all of them. */
  get wanted(): readonly string[] | undefined {
    const ids = this.hunks.map(({ id }) => id).filter((id) => !this.leftOut.has(id));
    return this.leftOut.size === 0 ? undefined : ids;
  }

  private hunk(hunk: DiffHunk, number: number, canChoose: boolean): HTMLElement {
    const lines = element('pre', { tabindex: '0' }, ...changed(hunk.old, 'removed'), ...changed(hunk.new, 'added'));
    const root = element('div', { class: 'hunk' });
    const words = fill(this.texts.part, number, hunk.newStart);
    root.append(
      canChoose ? this.choice(hunk, number, words, root) : element('div', { class: 'hunk-head' }, words),
      lines,
    );
    return root;
  }

  private choice(hunk: DiffHunk, number: number, words: string, root: HTMLElement): HTMLElement {
    const box = element('input', { type: 'checkbox', 'aria-label': fill(this.texts.include, number, hunk.newStart) });
    box.checked = true;
    box.addEventListener('change', () => {
      root.classList.toggle('left-out', !box.checked);
      if (box.checked) {
        this.leftOut.delete(hunk.id);
      } else {
        this.leftOut.add(hunk.id);
      }
      this.chosen();
    });
    return element('label', { class: 'hunk-head' }, box, element('span', {}, words));
  }
}

/** Lines with their sign: what is removed and what is added is told by more than colour. */
function changed(text: string, what: 'removed' | 'added'): HTMLElement[] {
  if (text === '') {
    return [];
  }
  const sign = what === 'added' ? '+' : '-';
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.map((line) => element('span', { class: `line ${what}` }, `${sign} ${line}\n`));
}
