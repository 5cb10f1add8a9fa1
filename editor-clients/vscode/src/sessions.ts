/** Lets the user pick one of the stored conversations. */

import { l10n, QuickPickItemKind, window, type QuickPickItem } from 'vscode';
import type { StoredSession } from './contract';
import type { ShownConversation } from './conversation';

interface SessionItem extends QuickPickItem {
  session?: StoredSession;
}

export async function pickSession(conversation: ShownConversation): Promise<void> {
  const items = conversation.all().then((sessions) => itemsOf(sessions, conversation.sessionId, new Date()));
  const picked = await window.showQuickPick(items, {
    title: l10n.t('Sessions of the agent'),
    placeHolder: l10n.t('Go on with a session, or begin a new one'),
    matchOnDescription: true,
  });
  if (!picked) return;
  if (picked.session) await conversation.open(picked.session.sessionId, picked.session.title);
  else conversation.begin();
}

/** A new session first, then the stored ones, the latest first. */
export function itemsOf(sessions: readonly StoredSession[], shown: string | undefined, now: Date): SessionItem[] {
  const latest = sessions.toSorted((one, other) => other.updatedAt.localeCompare(one.updatedAt));
  return [
    { label: `$(add) ${l10n.t('New session')}`, alwaysShow: true },
    { label: '', kind: QuickPickItemKind.Separator },
    ...latest.map((session) => ({
      label: plain(session.title) || l10n.t('Without a title'),
      description: [when(new Date(session.updatedAt), now), money(session.cost)].filter(Boolean).join(' · '),
      ...(session.sessionId === shown && { detail: l10n.t('shown now') }),
      session,
    })),
  ];
}

/** A cost in USD; empty where it is not known. */
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return '';
  return usd > 0 && usd < 0.01 ? '< $0.01' : `$${usd.toFixed(2)}`;
}

function when(then: Date, now: Date): string {
  const today = then.toDateString() === now.toDateString();
  return today
    ? then.toLocaleTimeString([], { timeStyle: 'short' })
    : then.toLocaleDateString([], { dateStyle: 'medium' });
}

function plain(title: string): string {
  return title.replaceAll('$(', '$ (').trim();
}
