/** Each turn as a progress that can be cancelled, and one line at its end where nobody sees it in the chat. */

import { commands, Disposable, l10n, ProgressLocation, window } from 'vscode';
import { notified } from './text';
import type { EndedTurn, Turn, Turns } from './turns';

/** What the progress needs of the rest. */
export interface ProgressPort {
  turns: Turns;
  cancel: (turnId: string) => Promise<void>;
  /** The chat view shows turns itself. */
  chatIsVisible: () => boolean;
  continueTurn: (sessionId: string) => Promise<void>;
  log: (error: unknown) => void;
}

export function registerProgress(port: ProgressPort): Disposable {
  return Disposable.from(
    port.turns.onStart((turn) => void follow(port, turn)),
    port.turns.onEnd((turn) => {
      tell(port, turn).catch(port.log);
    }),
  );
}

function follow(port: ProgressPort, turn: Turn): Thenable<void> {
  // Beside the chat's own account a notification would only be in the way.
  const location = port.chatIsVisible() ? { viewId: 'agentLsp.chat' } : ProgressLocation.Notification;
  const title = l10n.t('Agent: {0}', notified(turn.prompt, 60));
  return window.withProgress({ location, title, cancellable: true }, (progress, token) => {
    token.onCancellationRequested(() => {
      port.cancel(turn.turnId).catch(port.log);
    });
    return new Promise((resolve) => {
      const listening = Disposable.from(
        port.turns.onChange(() => {
          const now = port.turns.all.find(({ turnId }) => turnId === turn.turnId);
          progress.report({ message: notified(now?.doing ?? '', 120) });
        }),
        port.turns.onEnd(({ turnId }) => {
          if (turnId !== turn.turnId) return;
          listening.dispose();
          resolve();
        }),
      );
    });
  });
}

async function tell(port: ProgressPort, turn: EndedTurn): Promise<void> {
  if (!turn.event || port.chatIsVisible()) return; // what killed the daemon is told once, and not for each turn
  const { stopReason, error } = turn.event;
  const open = l10n.t('Open Chat');
  const goOn = l10n.t('Go On');
  const actions = stopReason === 'budget_spent' ? [goOn, open] : [open];
  const line = l10n.t('Agent: {0}', notified(error?.message ?? ending(stopReason)));
  const show = stopReason === 'failed' ? window.showErrorMessage : window.showInformationMessage;
  const chosen = await show(line, ...actions);
  if (chosen === goOn) await port.continueTurn(turn.sessionId);
  else if (chosen === open) await commands.executeCommand('agentLsp.chat.focus');
}

function ending(stopReason: NonNullable<EndedTurn['event']>['stopReason']): string {
  switch (stopReason) {
    case 'end_turn':
      return l10n.t('done');
    case 'cancelled':
      return l10n.t('cancelled');
    case 'budget_spent':
      return l10n.t('a limit ended the turn');
    case 'max_tokens':
      return l10n.t('the model’s answer was cut off at its limit');
    case 'refusal':
      return l10n.t('the model refused to answer');
    case 'failed':
      return l10n.t('the turn failed');
  }
}
