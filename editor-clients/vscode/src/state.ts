/** What is shown of the daemon: its own state, model and preset, and what the shown session has cost. */

import { EventEmitter, l10n } from 'vscode';
import type { ChatState, DaemonState } from './chat/port';
import { COMMAND, type StatusAnswer } from './contract';
import { remedies } from './problem';

type Call = <T>(command: string, params: object) => Promise<T>;

export class ShownState {
  private readonly changes = new EventEmitter<ChatState>();
  private told: Omit<ChatState, 'daemon' | 'spent'> = {};

  constructor(
    private readonly call: Call,
    private readonly daemon: () => DaemonState,
    private readonly spent: () => number | undefined,
  ) {}

  readonly onChange = this.changes.event;

  get current(): ChatState {
    const spent = this.spent();
    return { daemon: this.daemon(), ...this.told, ...(spent !== undefined && { spent }) };
  }

  /** Asks the daemon which model, preset and sandbox are in force. */
  async refresh(): Promise<void> {
    const { model, problem, preset, sandbox, waitsForTrust } = await this.call<StatusAnswer>(COMMAND.status, {});
    this.told = {
      preset,
      confined: confinement(sandbox),
      sandbox: sandbox === 'none' ? l10n.t('none') : sandbox,
      ...(waitsForTrust !== undefined && { waitsForTrust }),
      ...(model !== null && { model }),
      ...(problem !== undefined && { problem, remedy: remedies.chooseModel() }),
    };
    this.changed();
  }

  /** Something that it is made of is another now. */
  changed(): void {
    this.changes.fire(this.current);
  }
}

/** Landlock confines less than namespaces do; the profile of macOS has no tests on its machines. */
function confinement(sandbox: string): 'none' | 'weaker' | 'fully' {
  if (sandbox === 'none') return 'none';
  return sandbox === 'landlock' || sandbox === 'seatbelt' ? 'weaker' : 'fully';
}
