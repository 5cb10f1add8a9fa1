/** What a screen reader is told, politely: how things turn out, never each word as it comes. */

import { questions, type Shown } from '../src/chat/shown';
import type { Turn } from '../src/chat/transcript';
import type { Context } from './context';
import { element, fill } from './dom';
import { endLine } from './turns';

const MOST_SAID = 600;

export class Announcer {
  readonly root = element('div', { class: 'for-readers', role: 'status', 'aria-live': 'polite' });
  private before: Shown | undefined;

  constructor(private readonly context: Context) {}

  update(shown: Shown): void {
    const before = this.before;
    this.before = shown;
    if (before && before.transcript.sessionId === shown.transcript.sessionId) {
      const line = this.news(before, shown);
      if (line !== undefined) {
        this.root.textContent = line;
      }
    }
  }

  private news(before: Shown, shown: Shown): string | undefined {
    const { texts } = this.context;
    const asked = questions(shown).find((one) => !before.approvals.includes(one));
    if (asked) {
      return fill(texts.saidAsks, asked.title, asked.reason);
    }
    const turn = shown.transcript.turns.at(-1);
    const same = before.transcript.turns.find(({ id }) => id === turn?.id);
    if (turn?.ended && same && !same.ended) {
      return turn.ended.stopReason === 'end_turn'
        ? fill(texts.saidDone, lastWords(turn))
        : fill(texts.saidEnded, endLine(turn.ended, texts));
    }
    return turn?.retry && !same?.retry ? texts.saidRetry : undefined;
  }
}

function lastWords(turn: Turn): string {
  const last = turn.items.at(-1);
  const text =
    last?.kind === 'assistant' ? last.pieces.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('') : '';
  return text.length > MOST_SAID ? `${text.slice(0, MOST_SAID)}…` : text;
}
