/**
 * What the workspace would set for the agent: its content is opened, and the user asked whether it may.
 *
 * That the folder is trusted is the condition for a daemon to run at all, and no answer to this.
 */

import { Disposable, l10n, TabInputText, Uri, ViewColumn, window, workspace, type Memento } from 'vscode';
import type { Subscribe } from './chat/port';
import type { Daemon } from './client/daemon';
import { COMMAND, type AgentEvent, type TrustAnswer, type TrustParams } from './contract';
import { notified } from './text';

const SCHEME = 'agent-lsp-trust';
const ASKED = 'agentLsp.trustAsked';

/** What the question needs. */
export interface Asking {
  call: <T>(command: string, params: object) => Promise<T>;
  daemon: Pick<Daemon, 'onReady'>;
  events: Subscribe<AgentEvent>;
  /** Keeps which digest the user was asked about last. */
  asked: Memento;
  log: (error: unknown) => void;
  /** Tells the user why their yes counts for nothing. */
  say: (error: unknown) => void;
}

export class TrustQuestion {
  private shown = { digest: '', text: '' };

  constructor(private readonly on: Asking) {}

  /** Asks by itself, once for each content that would act. */
  register(): Disposable {
    const { daemon, events, log, say } = this.on;
    const askOnce = (): void => {
      waiting(this.on)
        .then((trust) => trust && this.ask(trust).catch(say))
        .catch(log);
    };
    return Disposable.from(
      workspace.registerTextDocumentContentProvider(SCHEME, {
        provideTextDocumentContent: ({ query }) => (query === this.shown.digest ? this.shown.text : ''),
      }),
      daemon.onReady(askOnce),
      events((event) => {
        if (event.kind === 'turnStarted') askOnce(); // what would act may have changed
      }),
    );
  }

  /** Asks because the user wants to be asked. */
  async review(): Promise<void> {
    const trust = await this.call({});
    if (trust.files.length > 0 && !trust.trusted) await this.ask(trust);
    else await window.showInformationMessage(standing(trust));
  }

  async forget(): Promise<void> {
    await this.call({ forget: true });
    await window.showInformationMessage(l10n.t('Agent: nothing of this folder is trusted any more'));
  }

  private async ask(trust: TrustAnswer): Promise<void> {
    const { digest } = trust;
    this.shown = { digest, text: textOf(trust) };
    const yes = await agreed(trust);
    if (yes && this.shown.digest === digest) await this.call({ digest }); // else a newer question shows another text
  }

  private call(params: TrustParams): Promise<TrustAnswer> {
    return this.on.call<TrustAnswer>(COMMAND.trust, params);
  }
}

/** What is not trusted and was never asked about; from then on it counts as asked. */
export async function waiting({ call, asked }: Pick<Asking, 'call' | 'asked'>): Promise<TrustAnswer | undefined> {
  const trust = await call<TrustAnswer>(COMMAND.trust, {} satisfies TrustParams);
  if (trust.trusted || trust.files.length === 0 || asked.get(ASKED) === trust.digest) return undefined;
  await asked.update(ASKED, trust.digest);
  return trust;
}

/** All that would act, and what of it has no effect; the daemon has escaped what could deceive. */
export function textOf(trust: TrustAnswer): string {
  return trust.files
    .map(({ uri, text, problem }) => {
      const problems = problem === undefined ? [] : problem.split('\n').map((line) => `! ${line}`);
      return [`# ${Uri.parse(uri).path}`, text, ...problems, ''].join('\n');
    })
    .join('\n');
}

async function agreed(trust: TrustAnswer): Promise<boolean> {
  const uri = Uri.from({ scheme: SCHEME, path: '/config.toml', query: trust.digest });
  await window.showTextDocument(uri, { viewColumn: ViewColumn.Beside, preserveFocus: true, preview: true });
  const [no, yes] = [l10n.t('Not Now'), l10n.t('Trust')];
  const names = trust.files.map((file) => workspace.asRelativePath(Uri.parse(file.uri))).join(', ');
  const line =
    trust.changed.length > 0
      ? l10n.t('Agent: {0} has changed since you trusted it. Trust exactly what is shown?', notified(names))
      : l10n.t('Agent: {0} would set something for the agent. Trust exactly what is shown?', notified(names));
  const answer = await window.showWarningMessage(line, no, yes);
  await closed(trust.digest);
  return answer === yes;
}

async function closed(digest: string): Promise<void> {
  const tabs = window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(
      (tab) => tab.input instanceof TabInputText && tab.input.uri.scheme === SCHEME && tab.input.uri.query === digest,
    );
  if (tabs.length > 0) await window.tabGroups.close(tabs, true);
}

function standing(trust: TrustAnswer): string {
  return trust.files.length === 0
    ? l10n.t('Agent: nothing of this folder would set anything for the agent')
    : l10n.t('Agent: what this folder sets is trusted exactly as it stands');
}
