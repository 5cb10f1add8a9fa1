/** A page in a document of its own, with what it says to the extension. */

import type { FromPage } from '../../src/chat/messages';
import type { Shown } from '../../src/chat/shown';
import type { Draft } from '../composer';
import { Page } from '../page';
import { TEXTS } from './texts';

export interface Opened {
  page: Page;
  said: FromPage[];
  drafts: Draft[];
  /** The one element that a selector finds. */
  one: (selector: string) => HTMLElement;
  /** The same, of a text field. */
  field: (selector: string) => HTMLTextAreaElement;
  all: (selector: string) => HTMLElement[];
  /** The button with these words or this label. */
  button: (name: string) => HTMLButtonElement;
}

/** Opens a page that shows something. */
export function opened(shown: Shown, draft: Draft = { text: '', attach: true }): Opened {
  const said: FromPage[] = [];
  const drafts: Draft[] = [];
  const page = new Page({ texts: TEXTS, post: (message) => said.push(message) }, draft, (kept) => drafts.push(kept));
  document.body.replaceChildren(page.root);
  page.update(shown);
  const all = (selector: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(selector)];
  const one = (selector: string): HTMLElement => {
    const [found] = all(selector);
    if (!found) {
      throw new Error(`nothing is ${selector}`);
    }
    return found;
  };
  const button = (name: string): HTMLButtonElement => {
    const found = all('button').find((one) => one.textContent === name || one.getAttribute('aria-label') === name);
    if (!found) {
      throw new Error(`no button is called ${name}`);
    }
    return found as HTMLButtonElement; // as: the selector is `button`
  };
  const field = (selector: string): HTMLTextAreaElement => one(selector) as HTMLTextAreaElement; // as: asked for as such
  return { page, said, drafts, one, field, all, button };
}
