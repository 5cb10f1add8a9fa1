/** The status bar: what the agent does now, and in its tooltip model, preset, sandbox and spending. */

import {
  l10n,
  MarkdownString,
  StatusBarAlignment,
  ThemeColor,
  window,
  type Disposable,
  type StatusBarItem,
} from 'vscode';
import type { ChatState } from './chat/port';
import { money } from './sessions';

/** What the item is made of. */
export interface StatusSource {
  state: ChatState;
  running: number;
  asking: number;
}

interface Look {
  text: string;
  background?: 'warning' | 'error';
}

export class Status implements Disposable {
  private readonly item: StatusBarItem = window.createStatusBarItem('agentLsp.status', StatusBarAlignment.Left, 10);

  constructor() {
    this.item.name = l10n.t('Agent');
    this.item.command = 'agentLsp.showActions';
    this.item.show();
  }

  show(source: StatusSource): void {
    const { text, background } = look(source);
    this.item.text = text;
    this.item.tooltip = new MarkdownString(tooltip(source));
    this.item.backgroundColor = background && new ThemeColor(`statusBarItem.${background}Background`);
    this.item.accessibilityInformation = { label: text.replace(/\$\([^)]*\)\s*/g, ''), role: 'button' };
  }

  dispose(): void {
    this.item.dispose();
  }
}

export function look({ state, running, asking }: StatusSource): Look {
  if (state.daemon.kind === 'untrusted') return { text: `$(workspace-untrusted) ${l10n.t('Agent: not trusted')}` };
  if (state.daemon.kind === 'failed') return { text: `$(error) ${l10n.t('Agent: not running')}`, background: 'error' };
  if (state.daemon.kind === 'starting') return { text: `$(loading~spin) ${l10n.t('Agent: starting')}` };
  if (asking > 0) return { text: `$(question) ${l10n.t('Agent: asks')}`, background: 'warning' };
  if (running > 0) return { text: `$(loading~spin) ${l10n.t('Agent: works')}` };
  if (state.problem !== undefined) return { text: `$(warning) ${l10n.t('Agent: no model')}`, background: 'warning' };
  if (state.confined === 'none') {
    return { text: `$(shield) ${l10n.t('Agent: ready, no sandbox')}`, background: 'warning' };
  }
  if (state.confined === 'weaker') return { text: `$(shield) ${l10n.t('Agent: ready, weaker sandbox')}` };
  return { text: `$(comment-discussion) ${l10n.t('Agent: ready')}` };
}

export function tooltip({ state }: StatusSource): string {
  const lines: string[] = [];
  if (state.daemon.kind !== 'ready') lines.push(state.daemon.line);
  else if (state.problem !== undefined) lines.push(state.problem);
  if (state.model !== undefined) lines.push(l10n.t('Model: {0}', state.model));
  if (state.preset !== undefined) lines.push(l10n.t('Preset: {0}', state.preset));
  if (state.sandbox !== undefined) lines.push(l10n.t('Sandbox: {0}', state.sandbox));
  if (state.waitsForTrust !== undefined) lines.push(l10n.t('Project settings: {0}', state.waitsForTrust));
  if (state.spent !== undefined) lines.push(l10n.t('This session has cost {0}', money(state.spent)));
  return lines.map(escaped).join('\n\n');
}

function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~$]/g, '\\$&');
}
