/** The chat page: keeps what is shown up to date with what the extension says, and draws it once a frame. */

import type { FromPage, ToPage } from '../src/chat/messages';
import { shownAfter, type Shown } from '../src/chat/shown';
import type { Draft } from './composer';
import { Page } from './page';

interface Host {
  postMessage: (message: FromPage) => void;
  getState: () => Draft | undefined;
  setState: (draft: Draft) => void;
}

declare function acquireVsCodeApi(): Host;

const host = acquireVsCodeApi();
let shown: Shown | undefined;
let page: Page | undefined;
let isWaiting = false;
let restUntil = 0;

window.addEventListener('message', (event: MessageEvent<ToPage>) => {
  take(event.data);
  if (!isWaiting) {
    isWaiting = true;
    requestAnimationFrame(draw);
  }
});
host.postMessage({ type: 'ready' });

function take(message: ToPage): void {
  if (message.type === 'full') {
    shown = message.shown;
    page ??= opened(message);
  } else if (shown) {
    shown = message.changes.reduce(shownAfter, shown);
  }
}

function opened({ texts }: ToPage & { type: 'full' }): Page {
  const context = {
    texts,
    post: (message: FromPage) => {
      host.postMessage(message);
    },
  };
  const made = new Page(context, host.getState() ?? { text: '', attach: true }, (draft) => {
    host.setState(draft);
  });
  document.body.replaceChildren(made.root);
  return made;
}

/** Drawing takes at most a quarter of the time, however long what grows has become. */
function draw(now: number): void {
  if (now < restUntil) {
    requestAnimationFrame(draw);
    return;
  }
  isWaiting = false;
  if (shown && page) {
    page.update(shown);
    restUntil = now + 4 * (performance.now() - now);
  }
}
