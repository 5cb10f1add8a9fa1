/** What is shown instead of, or above, a conversation: how to begin, what is wrong, and the remedy. */

import type { Remedy } from '../src/chat/port';
import type { Shown } from '../src/chat/shown';
import type { Context } from './context';
import { element, icon, iconButton, wordButton } from './dom';

/** The page of a conversation that has not begun. */
export function welcome({ texts }: Context, suggest: (prompt: string) => void): HTMLElement {
  const suggestions: readonly (readonly [string, string])[] = [
    ['book', texts.tryExplain],
    ['wrench', texts.tryFix],
    ['beaker', texts.tryTest],
  ];
  const list = element('div', { class: 'suggestions' });
  for (const [name, prompt] of suggestions) {
    const button = element('button', { class: 'suggestion', type: 'button' }, icon(name), element('span', {}, prompt));
    button.addEventListener('click', () => {
      suggest(prompt);
    });
    list.append(button);
  }
  const head = element('div', { class: 'welcome-head' }, icon('sparkle'), element('h1', {}, texts.title));
  return element('div', { class: 'welcome' }, head, element('p', {}, texts.subtitle), list);
}

/** What stands between the user and the next turn, or why the last wish was not fulfilled. */
export class Banner {
  readonly root = element('div', { class: 'banners' });
  private key = '';

  constructor(private readonly context: Context) {}

  update({ state, notice }: Shown): void {
    const key = JSON.stringify([state.daemon, state.problem, state.remedy, notice]);
    if (key === this.key) {
      return;
    }
    this.key = key;
    const { daemon, problem, remedy } = state;
    this.root.replaceChildren();
    if (daemon.kind === 'starting') {
      this.add('info', 'loading', daemon.line);
    } else if (daemon.kind !== 'ready') {
      this.add(
        daemon.kind === 'failed' ? 'error' : 'info',
        daemon.kind === 'failed' ? 'error' : 'shield',
        daemon.line,
        daemon.remedy,
        'daemon',
      );
    } else if (problem !== undefined) {
      this.add('info', 'warning', problem, remedy, 'model');
    }
    if (notice !== undefined) {
      this.add('error', 'error', notice).append(this.dismissal());
    }
  }

  private add(
    look: string,
    name: string,
    line: string,
    remedy?: Remedy,
    of: 'daemon' | 'model' = 'daemon',
  ): HTMLElement {
    const words = element('div', { class: 'banner-words' }, line);
    const banner = element(
      'div',
      { class: `banner ${look}`, role: look === 'error' ? 'alert' : 'status' },
      icon(name),
      words,
    );
    if (remedy) {
      words.append(
        wordButton(remedy.label, 'primary', () => {
          this.context.post({ type: 'remedy', of });
        }),
      );
    }
    this.root.append(banner);
    return banner;
  }

  private dismissal(): HTMLButtonElement {
    return iconButton('close', this.context.texts.dismiss, () => {
      this.context.post({ type: 'dismiss' });
    });
  }
}
