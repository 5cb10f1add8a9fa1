/** Elements, made without HTML: text only ever becomes text. */

import { appendVisible, LINES } from './visible';

type Child = Node | string;

interface Attributes {
  class?: string;
  [name: string]: string | undefined;
}

/** An element with attributes and children; strings become text with what deceives made visible. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  for (const child of children) {
    if (typeof child === 'string') {
      appendVisible(made, child, LINES);
    } else {
      made.append(child);
    }
  }
  return made;
}

/** A codicon, for the eye only. */
export function icon(name: string): HTMLElement {
  return element('span', { class: `codicon codicon-${name}`, 'aria-hidden': 'true' });
}

/** A button that shows an icon and is called by its label. */
export function iconButton(name: string, label: string, act: () => void): HTMLButtonElement {
  const button = element(
    'button',
    { class: 'icon-button', type: 'button', title: label, 'aria-label': label },
    icon(name),
  );
  button.addEventListener('click', act);
  return button;
}

/** A button with words on it. */
export function wordButton(label: string, look: 'primary' | 'secondary' | 'link', act: () => void): HTMLButtonElement {
  const button = element('button', { class: `button ${look}`, type: 'button' }, label);
  button.addEventListener('click', act);
  return button;
}

/** Replaces an element's text, unless it says that already. */
export function say(target: HTMLElement, text: string): void {
  if (target.dataset.said !== text) {
    target.dataset.said = text;
    target.replaceChildren();
    appendVisible(target, text, LINES);
  }
}

/** Words with `{0}`, `{1}` … replaced. */
export function fill(words: string, ...values: readonly (string | number)[]): string {
  return words.replace(/\{(\d)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));
}
