/** What the extension and the chat page say to one another. What the page says is checked: it is data like any other. */

import { CHOICES, type ApprovalAnswer } from '../contract';
import type { Change, Shown } from './shown';
import type { Texts } from './texts';

/** Extension → page. `full` comes on `ready` and replaces everything; `changes` follow in order. */
export type ToPage = { type: 'full'; shown: Shown; texts: Texts } | { type: 'changes'; changes: readonly Change[] };

/** Page → extension. */
export type FromPage =
  | { type: 'ready' }
  | { type: 'ask'; prompt: string; attach: boolean }
  | { type: 'estimate'; prompt: string; attach: boolean }
  | { type: 'cancel' }
  | { type: 'continue' }
  | { type: 'decide'; approvalId: string; decision: ApprovalAnswer }
  | { type: 'openDiff'; approvalId: string }
  | { type: 'openLink'; target: string }
  | { type: 'copy'; text: string }
  | { type: 'newSession' }
  | { type: 'pickSession' }
  | { type: 'dismiss' }
  | { type: 'remedy'; of: 'daemon' | 'model' };

/** A message of the page, or undefined for anything that is not exactly one. */
export function parsed(raw: unknown): FromPage | undefined {
  if (!isRecord(raw)) {
    return undefined;
  }
  switch (raw.type) {
    case 'ready':
    case 'cancel':
    case 'continue':
    case 'newSession':
    case 'pickSession':
    case 'dismiss':
      return { type: raw.type };
    case 'ask':
    case 'estimate': {
      const { type, prompt, attach } = raw;
      return isText(prompt) && typeof attach === 'boolean' ? { type, prompt, attach } : undefined;
    }
    case 'decide': {
      const { type, approvalId } = raw;
      const decision = parsedDecision(raw.decision);
      return isText(approvalId) && decision ? { type, approvalId, decision } : undefined;
    }
    case 'openDiff':
      return isText(raw.approvalId) ? { type: 'openDiff', approvalId: raw.approvalId } : undefined;
    case 'openLink':
      return isText(raw.target) ? { type: 'openLink', target: raw.target } : undefined;
    case 'copy':
      return isText(raw.text) ? { type: 'copy', text: raw.text } : undefined;
    case 'remedy':
      return raw.of === 'daemon' || raw.of === 'model' ? { type: 'remedy', of: raw.of } : undefined;
    default:
      return undefined;
  }
}

function parsedDecision(raw: unknown): ApprovalAnswer | undefined {
  if (!isRecord(raw)) {
    return undefined;
  }
  const { feedback, hunks } = raw;
  const decision = CHOICES.find((choice) => choice === raw.decision);
  if (
    decision === undefined ||
    (feedback !== undefined && !isText(feedback)) ||
    (hunks !== undefined && !isTexts(hunks))
  ) {
    return undefined;
  }
  return { decision, ...(feedback === undefined ? {} : { feedback }), ...(hunks === undefined ? {} : { hunks }) };
}

function isRecord(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === 'object' && raw !== null;
}

function isText(raw: unknown): raw is string {
  return typeof raw === 'string';
}

function isTexts(raw: unknown): raw is string[] {
  return Array.isArray(raw) && raw.every(isText);
}
