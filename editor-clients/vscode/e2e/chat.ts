/** The chat view as its user sees it. */

import type { FrameLocator, Locator } from 'playwright-core';

import type { Workbench } from './workbench';

const PAGE = 'iframe.webview[src*="extensionId=agent-lsp.agent-lsp"]';
const TOO_QUICK_MS = 700; // more than what counts as an answer to what stood there before

export class Chat {
  constructor(private readonly workbench: Workbench) {}

  /** Shows the view in the side bar. */
  async open(): Promise<void> {
    if (await this.page.getByRole('log').isVisible()) return;
    await this.workbench.activity('Agent').click();
    await this.log.waitFor();
  }

  /** Asks as soon as the agent can be asked. */
  async ask(prompt: string): Promise<void> {
    await this.open();
    await this.prompt.fill(prompt);
    await this.sendButton.click();
    await this.says(prompt);
  }

  /** Asks with the command, which carries the active file. */
  async askFromPalette(prompt: string): Promise<void> {
    await this.workbench.command('Agent: Ask Agent…');
    await this.workbench.answer(prompt, 'Ask the agent');
    await this.says(prompt);
  }

  async says(text: string): Promise<void> {
    await this.log.filter({ hasText: text }).waitFor();
  }

  /** Waits for the end of the turn, which begins with the words that `ask` has waited for. */
  async ended(): Promise<void> {
    await this.stopButton.waitFor({ state: 'hidden' });
  }

  /** Waits until a banner says why the agent cannot be asked. */
  async fails(words: string | RegExp): Promise<void> {
    await this.open();
    await this.banner.filter({ hasText: words }).waitFor();
  }

  /** Clicks an answer of the open question. One that comes too quickly was meant for something else and is not taken. */
  async answer(name: string | RegExp): Promise<void> {
    const button = this.question.getByRole('button', { name });
    await button.waitFor();
    await this.workbench.page.waitForTimeout(TOO_QUICK_MS);
    await button.click();
    await this.question.waitFor({ state: 'detached' });
  }

  /** Rejects the open question with words for the model. */
  async reject(feedback: string): Promise<void> {
    await this.question.getByRole('textbox').fill(feedback);
    await this.answer('Reject and Tell');
  }

  get log(): Locator {
    return this.page.getByRole('log');
  }

  get question(): Locator {
    return this.page.getByRole('article');
  }

  get attachment(): Locator {
    return this.page.locator('.chip');
  }

  get prompt(): Locator {
    return this.page.getByRole('textbox', { name: 'Ask the agent' });
  }

  get sendButton(): Locator {
    return this.page.getByRole('button', { name: 'Send (Enter)' });
  }

  get stopButton(): Locator {
    return this.page.getByRole('button', { name: 'Stop' });
  }

  get banner(): Locator {
    return this.page.locator('.banner');
  }

  /** The page inside the view's two frames. */
  private get page(): FrameLocator {
    return this.workbench.page.frameLocator(PAGE).frameLocator('iframe');
  }
}
