/** What every part of the page is handed. */

import type { FromPage } from '../src/chat/messages';
import type { Texts } from '../src/chat/texts';
import type { Doors } from './markdown';

export interface Context {
  texts: Texts;
  post: (message: FromPage) => void;
}

/** What a text needs: where its links and its copies go. */
export function doors({ texts, post }: Context): Doors {
  return {
    openLink: (target) => {
      post({ type: 'openLink', target });
    },
    copy: (text) => {
      post({ type: 'copy', text });
    },
    copyLabel: texts.copy,
    copiedLabel: texts.copied,
  };
}
