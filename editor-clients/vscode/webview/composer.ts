/** Where the user writes: the attachment, the text, what it may cost, send and stop. */

import type { Shown } from '../src/chat/shown';
import { running } from '../src/chat/transcript';
import { fitted } from './approvals';
import type { Context } from './context';
import { element, fill, icon, iconButton, say } from './dom';
import { dollars, whole } from './numbers';

const PAUSE = 600; // milliseconds without typing before the estimate is asked for

/** What outlives a page that is hidden. */
export interface Draft {
  text: string;
  attach: boolean;
}

export class Composer {
  readonly root: HTMLElement;
  private readonly field: HTMLTextAreaElement;
  private readonly chip: HTMLButtonElement;
  private readonly sendButton: HTMLButtonElement;
  private readonly stopButton: HTMLButtonElement;
  private readonly facts = element('div', { class: 'facts' });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private shown: Shown | undefined;

  constructor(
    private readonly context: Context,
    private draft: Draft,
    private readonly keep: (draft: Draft) => void,
  ) {
    const { texts, post } = context;
    this.field = element('textarea', { rows: '1', placeholder: texts.placeholder, 'aria-label': texts.placeholder });
    this.field.value = draft.text;
    this.chip = element('button', { class: 'chip', type: 'button' });
    this.sendButton = iconButton('send', texts.send, () => {
      this.send();
    });
    this.sendButton.classList.add('send');
    this.stopButton = iconButton('debug-stop', texts.stop, () => {
      post({ type: 'cancel' });
    });
    const buttons = element('div', { class: 'composer-buttons' }, this.sendButton, this.stopButton);
    const box = element(
      'div',
      { class: 'composer-box' },
      this.chip,
      this.field,
      element('div', { class: 'composer-row' }, this.facts, buttons),
    );
    this.root = element('div', { class: 'composer' }, box);
    this.listen();
  }

  update(shown: Shown): void {
    this.shown = shown;
    const { texts } = this.context;
    const isRunning = running(shown.transcript) || shown.sent !== undefined;
    this.stopButton.hidden = !isRunning;
    this.field.placeholder = isRunning ? texts.placeholderJoin : texts.placeholder;
    this.sendButton.disabled = !this.canSend();
    this.drawChip();
    say(this.facts, this.factsLine(shown));
  }

  /** Puts a prompt into the field, for the user to send or to change. */
  suggest(prompt: string): void {
    this.field.value = prompt;
    this.changed();
    this.field.focus();
  }

  /** Puts a prompt back into the field, unless the user has begun another. */
  restore(prompt: string): void {
    if (this.field.value === '') {
      this.field.value = prompt;
      this.changed();
    }
  }

  private listen(): void {
    this.field.addEventListener('input', () => {
      this.changed();
    });
    this.field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.send();
      }
    });
    this.chip.addEventListener('click', () => {
      this.draft = { ...this.draft, attach: !this.draft.attach };
      this.changed();
    });
    requestAnimationFrame(() => {
      fitted(this.field);
    });
  }

  private changed(): void {
    this.draft = { ...this.draft, text: this.field.value };
    this.keep(this.draft);
    fitted(this.field);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.estimate();
    }, PAUSE);
    if (this.shown) {
      this.update(this.shown);
    }
  }

  private estimate(): void {
    const prompt = this.field.value.trim();
    this.context.post({ type: 'estimate', prompt, attach: this.draft.attach });
  }

  private send(): void {
    if (!this.canSend()) {
      return;
    }
    clearTimeout(this.timer);
    this.context.post({ type: 'ask', prompt: this.field.value.trim(), attach: this.draft.attach });
    this.field.value = '';
    this.changed();
    clearTimeout(this.timer);
  }

  private canSend(): boolean {
    return this.field.value.trim() !== '' && this.shown?.state.daemon.kind === 'ready' && this.shown.sent === undefined;
  }

  private drawChip(): void {
    const chip = this.shown?.chip;
    this.chip.hidden = chip === undefined;
    if (!chip) {
      return;
    }
    const { texts } = this.context;
    const { first, last } = chip.lines ?? {};
    const name = chip.label.split('/').at(-1) ?? chip.label;
    const place =
      first === undefined
        ? name
        : first === last
          ? fill(texts.line, name, first)
          : fill(texts.lines, name, first, last ?? first);
    const words = fill(this.draft.attach ? texts.dropAttachment : texts.attach, chip.label);
    const key = `${this.draft.attach} ${place} ${words}`;
    if (this.chip.dataset.key !== key) {
      this.chip.dataset.key = key;
      this.chip.title = words;
      this.chip.setAttribute('aria-label', words);
      this.chip.setAttribute('aria-pressed', String(this.draft.attach));
      this.chip.replaceChildren(icon('file'), element('span', {}, place), icon(this.draft.attach ? 'close' : 'add'));
    }
  }

  private factsLine({ state, estimate, transcript }: Shown): string {
    const { texts } = this.context;
    if (estimate && this.field.value.trim() !== '') {
      const { low, likely, high } = estimate.cost;
      return low === null || likely === null || high === null
        ? fill(texts.estimateTokens, whole(estimate.inputTokens))
        : fill(texts.estimate, dollars(likely), dollars(low), dollars(high));
    }
    const total = transcript.turns.reduce((sum, turn) => sum + (turn.cost ?? 0), 0);
    const spent = state.spent ?? total;
    return [state.model, state.preset, spent > 0 ? fill(texts.spent, dollars(spent)) : undefined]
      .filter(Boolean)
      .join(' · ');
  }
}
