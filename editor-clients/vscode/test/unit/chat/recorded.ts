/** A conversation that a real daemon had with a scripted model: what it sent, what it kept, what it asked. */

import type { AgentEvent, Approval, SessionEntry } from '../../../src/contract';
import recorded from './recorded.json';

export const EVENTS = recorded.events as readonly AgentEvent[]; // as: JSON has no literal types
export const ENTRIES = recorded.entries as readonly SessionEntry[]; // as: the same
export const APPROVALS = recorded.approvals as readonly Approval[]; // as: the same
