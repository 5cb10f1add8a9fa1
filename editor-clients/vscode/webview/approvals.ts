/** Questions of the agent, as cards: what would be done, all of it, and the answers with the safe one first. */

import type { Approval, Choice } from '../src/contract';
import type { Context } from './context';
import { DiffView } from './diff';
import { element, fill, icon, say, wordButton } from './dom';
import { KeyedList, type Row } from './keyed';

const TOO_QUICK = 500; // milliseconds in which a click was meant for what stood there before

/** The cards, oldest question first. They appear without taking the focus. */
export class Approvals {
  readonly root: HTMLElement;
  private readonly list: KeyedList<Approval, string>;

  constructor(context: Context) {
    this.root = element('section', { class: 'approvals', 'aria-label': context.texts.approvals });
    this.list = new KeyedList(
      this.root,
      (approval) => approval.approvalId,
      (approval) => card(approval, context),
    );
  }

  update(approvals: readonly Approval[]): void {
    this.list.update(approvals);
  }
}

function card(approval: Approval, context: Context): Row<Approval> {
  return { root: new Card(approval, context).root, update: () => undefined }; // a question never changes
}

class Card {
  readonly root: HTMLElement;
  private readonly shownAt = performance.now();
  private readonly feedback: HTMLTextAreaElement;
  private readonly buttons = new Map<Choice, HTMLButtonElement>();
  private readonly warning = element('div', { class: 'card-warning', role: 'status' });
  /** Missing where no line changes: an empty file that is made, a file that is moved. */
  private readonly diff: DiffView | undefined;

  constructor(
    private readonly approval: Approval,
    private readonly context: Context,
  ) {
    const { texts } = context;
    const id = `title-${approval.approvalId}`;
    const hunks = approval.diff?.flatMap((file) => file.hunks) ?? [];
    if (approval.diff && hunks.length > 0) {
      this.diff = new DiffView(approval.diff, texts, () => {
        this.refresh();
      });
    }
    this.feedback = element('textarea', { rows: '1', placeholder: texts.feedback, 'aria-label': texts.feedback });
    this.feedback.addEventListener('input', () => {
      this.refresh();
    });
    this.root = element('article', { class: 'card', 'aria-labelledby': id });
    this.root.append(this.head(id), this.what(), ...this.terms(), this.feedback, this.warning, this.choices());
    this.refresh();
  }

  private head(id: string): HTMLElement {
    const title = element('h2', { id, class: 'card-title' }, this.approval.title);
    const reason = element('div', { class: 'card-reason' }, this.approval.reason);
    return element('div', { class: 'card-head' }, icon('question'), element('div', {}, title, reason));
  }

  private what(): HTMLElement {
    return (
      this.diff?.root ?? element('pre', { class: 'detail', tabindex: '0' }, this.approval.detail.replace(/\n$/, ''))
    );
  }

  private terms(): HTMLElement[] {
    const { texts } = this.context;
    const { choices, sessionRule, alwaysRule, taint } = this.approval;
    const rules = [
      ...(taint ? [fill(texts.taint, taint)] : []),
      ...(choices.includes('allow_session') ? [fill(texts.sessionRule, sessionRule)] : []),
      ...(choices.includes('allow_always') ? [fill(texts.alwaysRule, alwaysRule)] : []),
    ];
    return rules.map((rule) => element('div', { class: 'card-rule' }, rule));
  }

  private choices(): HTMLElement {
    const row = element('div', { class: 'card-choices' });
    for (const choice of this.approval.choices) {
      const look = choice === 'allow_once' ? 'primary' : 'secondary';
      const button = wordButton('', look, () => {
        this.answer(choice);
      });
      this.buttons.set(choice, button);
      row.append(button);
    }
    const { approvalId, diff, document: whole } = this.approval;
    if (diff ?? whole) {
      row.append(
        wordButton(whole ? this.context.texts.openWhole : this.context.texts.openDiff, 'link', () => {
          this.context.post({ type: 'openDiff', approvalId });
        }),
      );
    }
    return row;
  }

  private answer(decision: Choice): void {
    const allows = decision !== 'reject';
    if (allows && (performance.now() - this.shownAt < TOO_QUICK || this.isNothingChosen())) {
      return;
    }
    const feedback = this.feedback.value.trim();
    const hunks = allows ? this.diff?.wanted : undefined;
    const { approvalId } = this.approval;
    this.context.post({
      type: 'decide',
      approvalId,
      decision: { decision, ...(feedback && { feedback }), ...(hunks && { hunks }) },
    });
    for (const button of this.buttons.values()) {
      button.disabled = true;
    }
  }

  private isNothingChosen(): boolean {
    return this.diff?.counts.wanted === 0;
  }

  private refresh(): void {
    const { texts } = this.context;
    const counts = this.diff?.counts;
    const isPart = counts !== undefined && counts.wanted < counts.all;
    const words: Record<Choice, string> = {
      reject: this.feedback.value.trim() === '' ? texts.reject : texts.rejectSaying,
      allow_once: isPart ? fill(texts.allowHunks, counts.wanted, counts.all) : texts.allowOnce,
      allow_session: texts.allowSession,
      allow_always: texts.allowAlways,
    };
    for (const [choice, button] of this.buttons) {
      say(button, words[choice]);
      button.disabled = choice !== 'reject' && this.isNothingChosen();
    }
    say(this.warning, this.isNothingChosen() ? texts.noHunk : '');
    fitted(this.feedback);
  }
}

/** Makes a text field as high as its text. */
export function fitted(field: HTMLTextAreaElement): void {
  field.style.height = 'auto';
  if (field.scrollHeight > 0) {
    field.style.height = `${field.scrollHeight}px`;
  }
}
