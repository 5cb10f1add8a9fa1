/** The whole page: the conversation that scrolls, the questions at its end, the composer below. */

import { questions, type Shown } from '../src/chat/shown';
import { Announcer } from './announcer';
import { Approvals } from './approvals';
import { Composer, type Draft } from './composer';
import type { Context } from './context';
import { element, icon, say } from './dom';
import { Banner, welcome } from './states';
import { bubble, Turns } from './turns';

const NEAR = 40; // pixels from the end that still count as there

export class Page {
  readonly root = element('div', { class: 'page' });
  private readonly scroller: HTMLElement;
  private readonly welcome: HTMLElement;
  private readonly turns: Turns;
  private readonly sent = element('div', { class: 'sent' });
  private readonly approvals: Approvals;
  private readonly banner: Banner;
  private readonly composer: Composer;
  private readonly announcer: Announcer;
  private readonly toEnd: HTMLButtonElement;
  private follows = true;
  private sessionId: string | undefined;
  private unanswered: string | undefined;

  constructor(
    private readonly context: Context,
    draft: Draft,
    keep: (draft: Draft) => void,
  ) {
    this.composer = new Composer(context, draft, keep);
    this.welcome = welcome(context, (prompt) => {
      this.composer.suggest(prompt);
    });
    this.turns = new Turns(context);
    this.approvals = new Approvals(context);
    this.banner = new Banner(context);
    this.announcer = new Announcer(context);
    const content = element('div', { class: 'content' }, this.welcome, this.turns.root, this.sent, this.approvals.root);
    this.scroller = element(
      'main',
      { class: 'scroller', role: 'log', 'aria-live': 'off', 'aria-label': context.texts.transcript, tabindex: '0' },
      content,
    );
    this.toEnd = element('button', { class: 'to-end', type: 'button' });
    this.root.append(
      element('div', { class: 'middle' }, this.scroller, this.toEnd),
      this.banner.root,
      this.composer.root,
      this.announcer.root,
    );
    this.listen(content);
  }

  update(shown: Shown): void {
    this.restore(shown);
    if (shown.transcript.sessionId !== this.sessionId) {
      this.sessionId = shown.transcript.sessionId;
      this.follows = true;
    }
    this.welcome.hidden = shown.transcript.turns.length > 0 || shown.sent !== undefined;
    this.turns.update(shown.transcript);
    this.drawSent(shown.sent);
    this.approvals.update(questions(shown));
    this.banner.update(shown);
    this.composer.update(shown);
    this.announcer.update(shown);
    this.drawToEnd(shown);
    this.follow();
  }

  /** A prompt that was not taken is the user's again. */
  private restore(shown: Shown): void {
    if (shown.notice !== undefined && this.unanswered !== undefined) {
      this.composer.restore(this.unanswered);
    }
    this.unanswered = shown.sent;
  }

  private listen(content: HTMLElement): void {
    this.scroller.addEventListener('scroll', () => {
      this.follows = this.isAtEnd();
      this.toEnd.hidden = this.follows;
    });
    this.toEnd.addEventListener('click', () => {
      this.follows = true;
      this.follow();
    });
    new ResizeObserver(() => {
      this.follow();
    }).observe(content);
    new ResizeObserver(() => {
      this.follow();
    }).observe(this.scroller);
    document.addEventListener('keydown', (event) => {
      const stops = event.key === 'Escape' && (event.ctrlKey || event.metaKey);
      if (stops || (event.key === 'Backspace' && event.altKey && navigator.userAgent.includes('Windows'))) {
        event.preventDefault();
        this.context.post({ type: 'cancel' });
      }
    });
  }

  private drawSent(prompt: string | undefined): void {
    const { texts } = this.context;
    if (this.sent.dataset.prompt === (prompt ?? '')) {
      return;
    }
    this.sent.dataset.prompt = prompt ?? '';
    const waiting = element('div', { class: 'working' }, element('span', { class: 'working-label' }, texts.starting));
    this.sent.replaceChildren(...(prompt === undefined ? [] : [bubble(prompt, texts), waiting]));
  }

  private drawToEnd(shown: Shown): void {
    const { texts } = this.context;
    const asks = questions(shown).length > 0;
    const label = asks ? texts.questionBelow : texts.toEnd;
    if (this.toEnd.title !== label) {
      this.toEnd.title = label;
      this.toEnd.setAttribute('aria-label', label);
      const words = element('span');
      say(words, asks ? texts.asks : '');
      this.toEnd.replaceChildren(icon('arrow-down'), words);
      this.toEnd.classList.toggle('asks', asks);
    }
    this.toEnd.hidden = this.follows;
  }

  private follow(): void {
    if (this.follows) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
    }
  }

  private isAtEnd(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }
}
