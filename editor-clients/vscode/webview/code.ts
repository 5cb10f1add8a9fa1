/** A block of code, with its language and a copy button. It may grow. */

import { element, icon, iconButton, say } from './dom';
import { appendVisible, isPlain, LINES } from './visible';

export interface CodeDoors {
  copy: (text: string) => void;
  copyLabel: string;
  copiedLabel: string;
}

const SHOWN_COPIED = 1500; // milliseconds

export class CodeBlock {
  readonly root: HTMLElement;
  private readonly code = element('code');
  private readonly language = element('span', { class: 'language' });
  private content = '';

  constructor(doors: CodeDoors) {
    const button = copyButton(doors, () => this.content);
    this.root = element('div', { class: 'code-block' }, element('div', { class: 'code-head' }, this.language, button));
    this.root.append(element('pre', { tabindex: '0' }, this.code));
  }

  /** Shows other content; only what is new is drawn when the content has grown. */
  update(content: string, language: string): void {
    say(this.language, language);
    if (content === this.content) {
      return;
    }
    const last = this.code.lastChild;
    const fresh = content.startsWith(this.content) ? content.slice(this.content.length) : undefined;
    if (fresh !== undefined && last instanceof Text && isPlain(fresh, LINES)) {
      last.appendData(fresh);
    } else {
      this.code.replaceChildren();
      appendVisible(this.code, content, LINES);
    }
    this.content = content;
  }
}

function copyButton(doors: CodeDoors, content: () => string): HTMLButtonElement {
  const button = iconButton('copy', doors.copyLabel, () => {
    doors.copy(content());
    button.replaceChildren(icon('check'));
    button.setAttribute('aria-label', doors.copiedLabel);
    setTimeout(() => {
      button.replaceChildren(icon('copy'));
      button.setAttribute('aria-label', doors.copyLabel);
    }, SHOWN_COPIED);
  });
  return button;
}
