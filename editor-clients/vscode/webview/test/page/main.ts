/** The page in a plain browser: plays the extension's part for the scene that the address names. */

import { SCENES } from '../scenes';
import { TEXTS } from '../texts';

const scene = SCENES[new URLSearchParams(location.search).get('scene') ?? 'empty'];

Object.assign(window, {
  acquireVsCodeApi: () => ({
    getState: () => undefined,
    setState: () => undefined,
    postMessage: (message: { type: string }) => {
      console.log(JSON.stringify(message));
      if (message.type === 'ready') {
        window.postMessage({ type: 'full', shown: scene, texts: TEXTS });
      }
    },
  }),
});
