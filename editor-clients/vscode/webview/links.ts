/** Links of a model: to the web or to a file. They are no anchors with an address: the extension opens them, or does not. */

import { element } from './dom';

/** Whether a target may be a link at all; anything else stays the text that it was written as. */
export function isLink(target: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(target)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return target !== '' && !target.startsWith('#') && !target.startsWith('//');
  }
  return scheme === 'http' || scheme === 'https' || scheme === 'file' || /^[^:]+:\d+(:\d+)?$/.test(target);
}

/** A link that tells its whole target before it is followed, by mouse or by Enter. */
export function link(target: string, open: (target: string) => void): HTMLElement {
  const made = element('a', { role: 'link', tabindex: '0', title: target });
  made.addEventListener('click', () => {
    open(target);
  });
  made.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      open(target);
    }
  });
  return made;
}

/** Whether a link leads out to the web under words that do not say where: its target must stand beside it. */
export function hidesTarget(target: string, words: string): boolean {
  return /^https?:/i.test(target) && words.trim() !== target;
}
