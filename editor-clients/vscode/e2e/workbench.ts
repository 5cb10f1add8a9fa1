/** What a user sees of VS Code and does in it: the palette, editors, notifications, the status bar. */

import type { Locator, Page } from 'playwright-core';

export class Workbench {
  constructor(readonly page: Page) {}

  /** Waits until VS Code shows itself. */
  async open(address: string): Promise<void> {
    await this.page.goto(address);
    await this.shown();
  }

  /** A reload as the user does it: the extension host ends and another begins. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.shown();
  }

  /** Runs a command by its whole title in the palette. */
  async command(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    await this.choose(`>${title}`, title);
  }

  /** Opens a file of the workspace, and waits until its editor has the keyboard. */
  async openFile(name: string): Promise<void> {
    await this.page.keyboard.press('Control+P');
    await this.choose(name, name);
    await this.page.locator(`.editor-group-container.active .monaco-editor.focused[data-uri$="/${name}"]`).waitFor();
  }

  /** Puts the cursor at the end of a line of the active editor. */
  async goToLine(line: number): Promise<void> {
    await this.page.keyboard.press('Control+G');
    await this.input.waitFor();
    await this.input.fill(`:${line}`);
    await this.page.keyboard.press('Enter');
    await this.quick.waitFor({ state: 'hidden' });
    await this.page.keyboard.press('End');
  }

  /** The chat view's icon stands here, among those of other views. */
  activity(name: string): Locator {
    return this.page.locator(`.activitybar .action-label[aria-label^="${name}"]`);
  }

  /** Closes all editors; what is not saved is thrown away. */
  async closeEditors(): Promise<void> {
    await this.command('File: Revert File');
    await this.command('View: Close All Editors');
    await this.page.locator('.tabs-container .tab').first().waitFor({ state: 'detached' });
  }

  /** What a short file looks like in the active editor. */
  async text(): Promise<string> {
    const lines = this.page.locator('.editor-group-container.active .view-lines .view-line');
    const placed = await lines.evaluateAll((all) =>
      all.map((line) => ({ top: parseFloat((line as HTMLElement).style.top), text: line.textContent })),
    );
    const sorted = placed.toSorted((one, other) => one.top - other.top);
    return sorted.map((line) => line.text.replaceAll('\u00a0', ' ')).join('\n');
  }

  /** Trusts the folder, from the dialog that the shield in the status bar leads to. */
  async trust(): Promise<void> {
    await this.command('Workspaces: Manage Workspace Trust');
    await this.page.getByRole('button', { name: 'Trust', exact: true }).click();
    await this.page.getByText('You trust this folder').waitFor();
    await this.page.getByRole('button', { name: 'Close Modal Editor' }).click();
  }

  /** Answers the input box with this title, which VS Code shows at its top. */
  async answer(value: string, title: string): Promise<void> {
    await this.quick.filter({ hasText: title }).waitFor();
    await this.input.fill(value);
    await this.page.keyboard.press('Enter');
  }

  /** Chooses a row of the list that is open. */
  async pick(text: string): Promise<void> {
    await this.quick.locator('.monaco-list-row', { hasText: text }).first().click();
  }

  get quick(): Locator {
    return this.page.locator('.quick-input-widget');
  }

  get input(): Locator {
    return this.quick.locator('.quick-input-box input').first();
  }

  get diff(): Locator {
    return this.page.locator('.monaco-diff-editor');
  }

  /** Opens the lightbulb's menu at the cursor and takes the entry with this title. */
  async codeAction(title: string): Promise<void> {
    // A menu that is opened before the lightbulb is closed again when that appears.
    await this.page.locator('.lightBulbWidget, [class*="gutter-lightbulb"]').first().waitFor();
    await this.page.keyboard.press('Control+.');
    await this.page.locator('.action-widget .monaco-list-row', { hasText: title }).click();
  }

  /** Takes an entry of the menu that a right click on a word of the active editor opens. */
  async contextMenu(word: string, title: string): Promise<void> {
    const line = this.page.locator('.editor-group-container.active .view-line', { hasText: word });
    await line.first().click({ button: 'right' });
    await this.page.getByRole('menuitem', { name: title }).hover();
    await this.page.locator('.monaco-menu .action-item.focused', { hasText: title }).waitFor();
    await this.page.keyboard.press('Enter'); // the menu takes no click that follows its opening closely
  }

  notification(text: string): Locator {
    return this.page.locator('.notification-toast', { hasText: text });
  }

  status(text: string | RegExp): Locator {
    return this.page.locator('.statusbar-item', { hasText: text });
  }

  private async shown(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor();
  }

  /** Types into the open list, and takes its first row once that is the wanted one: before, it is another's. */
  private async choose(typed: string, row: string): Promise<void> {
    await this.input.waitFor();
    await this.input.fill(typed);
    await this.quick.locator('.monaco-list-row').first().filter({ hasText: row }).waitFor();
    await this.page.keyboard.press('Enter');
  }
}
