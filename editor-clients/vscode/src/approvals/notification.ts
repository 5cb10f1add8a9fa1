/**
 * The question that waits longest as a notification that stays until it is settled, and then goes by itself.
 *
 * It is a progress, for that is the one notification that an extension can take back; its answers are links, which the
 * keyboard reaches. It never takes the focus. Whoever closes it has said no.
 */

import { l10n, ProgressLocation, window } from 'vscode';
import type { Approval } from '../contract';
import { commandLink, notified } from '../text';

/** Shows a question until the answer of this function is called; `reject` is called when the user closes it. */
export function showNotification(approval: Approval, waiting: number, reject: () => void): () => void {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  // Only one that can be cancelled shows more than its first line.
  const options = { location: ProgressLocation.Notification, title: l10n.t('Agent asks'), cancellable: true };
  void window.withProgress(options, (progress, token) => {
    token.onCancellationRequested(reject);
    progress.report({ message: message(approval, waiting) });
    return promise;
  });
  return () => {
    resolve(undefined);
  };
}

/** What is asked, and the answers to it. */
export function message(approval: Approval, waiting: number): string {
  const id = approval.approvalId;
  const links = [commandLink(l10n.t('Allow Once'), 'agentLsp.allow', id)];
  if (approval.choices.includes('allow_session')) {
    links.push(commandLink(l10n.t('Allow for This Session'), 'agentLsp.allowForSession', id));
  }
  if (hunkCount(approval) > 1) links.push(commandLink(l10n.t('Choose Hunks…'), 'agentLsp.chooseHunks', id));
  links.push(commandLink(l10n.t('Reject'), 'agentLsp.reject', id));
  links.push(commandLink(l10n.t('Reject and Say Why…'), 'agentLsp.rejectWithFeedback', id));
  links.push(commandLink(l10n.t('Show'), 'agentLsp.showQuestion', id));
  const more = waiting > 0 ? ` (${l10n.t('{0} more wait', waiting)})` : '';
  const taint = approval.taint ? ` (${l10n.t('Untrusted text was read before: {0}', notified(approval.taint))})` : '';
  return `${notified(approval.title)}${taint}${more} — ${links.join(' | ')}`;
}

/** How many hunks can be chosen among. */
export function hunkCount(approval: Approval): number {
  return approval.diff?.length === 1 ? (approval.diff[0]?.hunks.length ?? 0) : 0;
}
