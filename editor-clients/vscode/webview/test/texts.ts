/** The page's words in English, as the extension sends them. */

import { texts } from '../../src/chat/texts';

export const TEXTS = texts();
