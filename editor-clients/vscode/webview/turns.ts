/** The conversation: turns with the user's words, the answers, and how each turn ended. */

import type { Ended, Item, Transcript, Turn } from '../src/chat/transcript';
import type { Texts } from '../src/chat/texts';
import { AnswerView, isGrowing } from './answers';
import type { Context } from './context';
import { element, fill, icon, say, wordButton } from './dom';
import { KeyedList, type Row } from './keyed';
import { dollars, whole } from './numbers';

interface Shown {
  turn: Turn;
  calls: Transcript['calls'];
  isLast: boolean;
  isLost: boolean;
}

export class Turns {
  readonly root = element('div', { class: 'turns' });
  private readonly list: KeyedList<Shown, string>;

  constructor(context: Context) {
    this.list = new KeyedList(
      this.root,
      ({ turn }) => turn.id,
      () => new TurnView(context),
    );
  }

  update(transcript: Transcript): void {
    const { turns, calls, isLost } = transcript;
    const last = turns.length - 1;
    this.list.update(
      turns.map((turn, index) => ({ turn, calls, isLast: index === last, isLost: isLost && !turn.ended })),
    );
  }
}

/** How a turn ended, in one line. */
export function endLine(ended: Ended, texts: Texts): string {
  const words = {
    end_turn: texts.endTurn, max_tokens: texts.maxTokens, refusal: texts.refusal, cancelled: texts.turnCancelled,
    budget_spent: texts.budgetSpent, failed: texts.turnFailed,
  }[ended.stopReason]; // prettier-ignore
  return [words, ...spending(ended, texts)].join(' · ');
}

class TurnView implements Row<Shown> {
  readonly root = element('section', { class: 'turn' });
  private readonly items = element('div', { class: 'items' });
  private readonly list: KeyedList<Shown & { item: Item }, string>;
  private readonly note = element('div', { class: 'note' });
  private readonly taken = element('div', { class: 'taken' });
  private readonly retry = element('div', { class: 'retry' });
  private readonly working: HTMLElement;
  private readonly spent = element('span', { class: 'spent' });
  private readonly foot: TurnFoot;
  private shown: Shown | undefined;

  constructor(private readonly context: Context) {
    this.foot = new TurnFoot(context);
    const words = element('span', { class: 'working-label' }, context.texts.working);
    this.working = element('div', { class: 'working' }, words, this.spent);
    this.root.append(this.items, this.note, this.taken, this.retry, this.working, this.foot.root);
    this.list = new KeyedList<Shown & { item: Item }, string>(this.items, keyOf, ({ item }) => made(item, context));
  }

  update(shown: Shown): void {
    const before = this.shown;
    if (
      before?.turn === shown.turn &&
      before.isLast === shown.isLast &&
      before.isLost === shown.isLost &&
      before.calls === shown.calls
    ) {
      return;
    }
    this.shown = shown;
    const { turn, isLost } = shown;
    this.list.update(turn.items.map((item) => ({ ...shown, item })));
    say(this.note, turn.note ?? '');
    this.drawTaken(turn.taken);
    this.drawRetry(turn);
    this.working.hidden = turn.ended !== undefined || turn.retry !== undefined || isLost || isAsking(shown);
    say(
      this.spent,
      turn.usage && !turn.ended
        ? spending({ usage: turn.usage, cost: turn.cost ?? null }, this.context.texts).join(' · ')
        : '',
    );
    this.foot.update(shown);
  }

  private drawTaken(taken: readonly string[]): void {
    const { texts } = this.context;
    this.taken.replaceChildren(...taken.map((text) => bubble(text, texts)));
    if (taken.length > 0) {
      this.taken.append(element('div', { class: 'aside' }, texts.willRead));
    }
  }

  private drawRetry({ retry }: Turn): void {
    this.retry.replaceChildren();
    if (retry) {
      const { reason, seconds, attempt, attempts } = retry;
      const sentence = /[.!?]$/.test(reason) ? reason : `${reason}.`;
      this.retry.append(
        icon('warning'),
        element('span', {}, fill(this.context.texts.retrying, sentence, seconds.toFixed(0), attempt, attempts)),
      );
    }
  }
}

/** A turn that waits for the user is not at work. */
function isAsking({ turn, calls }: Shown): boolean {
  const last = turn.items.at(-1);
  return (
    last?.kind === 'assistant' &&
    last.pieces.some((piece) => piece.kind === 'call' && calls[piece.callId]?.status === 'asking')
  );
}

class TurnFoot {
  readonly root = element('div', { class: 'foot' });
  private readonly line = element('span', { class: 'foot-line' });
  private readonly error = element('div', { class: 'foot-error' });
  private readonly goOn: HTMLButtonElement;

  constructor(private readonly context: Context) {
    this.goOn = wordButton(context.texts.goOn, 'secondary', () => {
      context.post({ type: 'continue' });
    });
    this.root.append(this.error, element('div', { class: 'foot-row' }, this.line, this.goOn));
  }

  update({ turn: { ended }, isLast, isLost }: Shown): void {
    this.root.hidden = ended === undefined && !isLost;
    if (isLost) {
      say(this.line, this.context.texts.brokenOff);
      this.goOn.hidden = !isLast;
    } else if (ended) {
      this.root.dataset.reason = ended.stopReason;
      say(this.line, endLine(ended, this.context.texts));
      say(this.error, ended.error);
      const broke =
        ended.stopReason === 'budget_spent' || ended.stopReason === 'max_tokens' || ended.stopReason === 'failed';
      this.goOn.hidden = !isLast || !broke;
    }
  }
}

function keyOf({ item }: Shown & { item: Item }, index: number): string {
  return item.kind === 'user' ? `user ${index} ${item.text}` : `assistant ${index}`;
}

function made(item: Item, context: Context): Row<Shown & { item: Item }> {
  if (item.kind === 'user') {
    const root = element('div', { class: 'words' }, bubble(item.text, context.texts));
    return { root, update: () => undefined };
  }
  const view = new AnswerView(context);
  let drawn: Item | undefined;
  let calls: Transcript['calls'] | undefined;
  return {
    root: view.root,
    update: ({ turn, item: message, calls: all, isLost }) => {
      if (message.kind !== 'assistant' || (message === drawn && all === calls && !isLost)) {
        return;
      }
      [drawn, calls] = [message, all];
      view.update({ message, calls: all, isGrowing: isGrowing(turn, message) && !isLost });
    },
  };
}

/** Words of the user, as they were typed. */
export function bubble(text: string, texts: Texts): HTMLElement {
  return element('div', { class: 'bubble', role: 'group', 'aria-label': texts.you }, text);
}

function spending({ usage, cost }: Pick<Ended, 'usage' | 'cost'>, texts: Texts): string[] {
  const tokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + usage.outputTokens;
  const steps = usage.steps === 1 ? texts.oneStep : fill(texts.steps, usage.steps);
  const price = cost === null ? texts.costUnknown : cost > 0 ? dollars(cost) : '';
  return [steps, fill(texts.tokens, whole(tokens)), price].filter((part) => part !== '');
}
