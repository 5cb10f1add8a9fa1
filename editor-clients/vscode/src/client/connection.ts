/** One daemon process and the language client that speaks with it, from start to end. */

import { spawn, type ChildProcess } from 'node:child_process';
import { l10n, type CancellationToken, type LogOutputChannel } from 'vscode';
import {
  CancellationToken as RpcToken,
  CloseAction,
  ErrorAction,
  LanguageClient,
  LSPErrorCodes,
  ResponseError,
  type InitializeResult,
  type LanguageClientOptions,
} from 'vscode-languageclient/node';
import {
  NOTIFICATION_EVENT,
  PROTOCOL,
  REQUEST_APPROVAL,
  type AgentEvent,
  type Approval,
  type ApprovalAnswer,
  type ClientOptions,
} from '../contract';
import type { HandedOver } from '../daemon/environment';
import { checkedVersion } from '../daemon/version';
import { lineOf, Problem, remedies } from '../problem';

const ANSWER_TIMEOUT = 20_000;
const STOP_TIMEOUT = 5_000;
const OPTIONS: ClientOptions = {
  protocol: PROTOCOL,
  events: true,
  approvals: true,
  renders: ['progress', 'approval', 'chat', 'trust'],
};

/** What the daemon is started with, and who hears of it. */
export interface ConnectionOptions {
  command: string;
  words: readonly string[];
  environment: NodeJS.ProcessEnv;
  /** The editor's settings, asked again whenever the daemon wants to know. */
  editorSettings: () => HandedOver['editor'];
  output: LogOutputChannel;
  onEvent: (event: AgentEvent) => void;
  onApproval: (approval: Approval, token: CancellationToken) => Promise<ApprovalAnswer>;
  /** The process ended without having been told to; `how` names its exit code or signal. */
  onEnd: (how: string) => void;
}

/** A daemon that has answered as ours. */
export interface Connection {
  readonly version: string;
  /** Calls a command of the contract. */
  call(command: string, params: object, token?: CancellationToken): Promise<unknown>;
  /** Tells the daemon that the editor's settings are others now. */
  settingsChanged(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a daemon. Throws a Problem where it does not answer, or is not ours. */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  const life = new Life(options);
  try {
    const version = await life.begin();
    return { version, call: life.call, settingsChanged: life.settingsChanged, stop: life.stop };
  } catch (error) {
    await life.stop();
    throw error;
  }
}

class Life {
  private readonly client: LanguageClient;
  private readonly ended = Promise.withResolvers<string>();
  private process: ChildProcess | undefined;
  private stopping = false;

  constructor(private readonly options: ConnectionOptions) {
    const start = (): Promise<ChildProcess> => Promise.resolve(this.spawned());
    this.client = new LanguageClient('agentLsp', 'Agent LSP', start, this.clientOptions());
    this.client.onNotification(NOTIFICATION_EVENT, options.onEvent);
    this.client.onRequest(REQUEST_APPROVAL, async (approval: Approval, token: CancellationToken) => {
      return options.onApproval(approval, token).catch((error: unknown) => {
        throw new ResponseError(LSPErrorCodes.RequestCancelled, lineOf(error));
      });
    });
  }

  async begin(): Promise<string> {
    await Promise.race([this.client.start(), this.endedEarly(), this.tooLate()]);
    const version = checkedVersion(this.options.command, identity(this.client.initializeResult));
    void this.ended.promise.then((how) => {
      if (!this.stopping) this.options.onEnd(how);
    });
    return version;
  }

  call = (command: string, params: object, token?: CancellationToken): Promise<unknown> =>
    // The client would take an undefined token for a second parameter.
    this.client.sendRequest('workspace/executeCommand', { command, arguments: [params] }, ...(token ? [token] : []));

  settingsChanged = (): Promise<void> =>
    this.client.sendNotification('workspace/didChangeConfiguration', { settings: null });

  stop = async (): Promise<void> => {
    this.stopping = true;
    try {
      await this.client.dispose(STOP_TIMEOUT);
    } catch (error) {
      this.options.output.debug(`stopping the client: ${lineOf(error)}`); // it never started, or its process is gone
    }
    if (this.process === undefined) return;
    this.process.stdin?.end(); // a daemon whose client is gone ends by itself
    const killer = setTimeout(() => this.process?.kill('SIGKILL'), STOP_TIMEOUT);
    await this.ended.promise;
    clearTimeout(killer);
  };

  private spawned(): ChildProcess {
    const { command, words, environment, output } = this.options;
    const child = spawn(command, [...words, 'serve'], { env: environment, stdio: 'pipe' });
    child.once('error', (error) => {
      this.ended.resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      this.ended.resolve(signal ? l10n.t('signal {0}', signal) : l10n.t('exit code {0}', code ?? 0));
    });
    child.stdin.on('error', (error) => {
      output.debug(`writing to the daemon: ${error.message}`); // its end is told by `exit`
    });
    this.process = child;
    return child;
  }

  private async endedEarly(): Promise<never> {
    const how = await this.ended.promise;
    const line = l10n.t('{0} ended before it answered ({1}): the log says why', this.options.command, how);
    throw new Problem(line, remedies.showLog());
  }

  private tooLate(): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>();
    const line = l10n.t('{0} does not answer: is it the agent-lsp daemon?', this.options.command);
    setTimeout(reject, ANSWER_TIMEOUT, new Problem(line, remedies.restart())).unref();
    return promise;
  }

  private clientOptions(): LanguageClientOptions {
    return {
      documentSelector: [{ scheme: 'file' }],
      outputChannel: this.options.output,
      initializationOptions: () => ({ agent: { ...OPTIONS, ...this.options.editorSettings() } }),
      // Its end and its restart are told and done in one place, and not here.
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
      },
      initializationFailedHandler: () => false,
      middleware: {
        workspace: {
          configuration: (params) =>
            params.items.map((item) => (item.section === 'agent' ? this.options.editorSettings() : null)),
          handleApplyEdit: async (params, next) => {
            const result = await next(params, RpcToken.None);
            // What is typed quickly is kept back, and sent before any other notification: this one only sends it.
            await this.client.sendNotification('$/setTrace', { value: 'off' });
            return result;
          },
        },
      },
    };
  }
}

function identity(result: InitializeResult | undefined): { name: unknown; version: unknown; protocol: unknown } {
  const experimental = result?.capabilities.experimental as { agent?: { protocol?: unknown } } | undefined;
  return {
    name: result?.serverInfo?.name,
    version: result?.serverInfo?.version,
    protocol: experimental?.agent?.protocol,
  };
}
