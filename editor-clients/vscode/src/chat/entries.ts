/** Entries → transcript. */

import type { SessionEntry, EntryBody, MessagePart } from '../contract';
import { recordAnswer, recordWords } from './items';
import { changeCall, changeTurn, settled, withTurn, type Piece, type Transcript } from './transcript';

/** The transcript with entries of its session added; those it has already change nothing. It is not stale then. */
export function withEntries(transcript: Transcript, entries: readonly SessionEntry[]): Transcript {
  const fresh = entries.filter((entry) => entry.seq > transcript.head);
  return { ...fresh.reduce(withEntry, transcript), stale: false };
}

function withEntry(transcript: Transcript, entry: SessionEntry): Transcript {
  const began =
    entry.kind === 'turnBegan' ? withTurn({ ...transcript, entryTurn: entry.turnId }, entry.turnId) : transcript;
  return { ...folded(began, entry), head: entry.seq };
}

function folded(transcript: Transcript, entry: SessionEntry): Transcript {
  const turnId = transcript.entryTurn;
  if (turnId === undefined) {
    return transcript; // a path that begins in mid-turn: there is nothing to show it in
  }
  switch (entry.kind) {
    case 'message':
      return withMessage(transcript, turnId, entry);
    case 'promptTaken':
      return changeTurn(transcript, turnId, (turn) => {
        const isSaid = turn.items.some(
          (item) => item.kind === 'user' && item.text === entry.text && (item.seq ?? 0) > entry.seq,
        );
        return isSaid || turn.ended ? turn : { ...turn, taken: [...turn.taken, entry.text] };
      });
    case 'callBegan':
      return changeCall(transcript, entry.callId, (call) => (settled(call) ? call : { ...call, status: 'running' }));
    case 'approvalDecided': {
      const { decision, answered, feedback, callId } = entry;
      const answer = { decision, answered, feedback };
      return changeCall(transcript, callId, (call) => ({ ...call, answer }));
    }
    case 'turnEnded': {
      const { stopReason, usage, cost, error } = entry;
      const ended = { stopReason, usage, cost, error };
      return changeTurn(transcript, turnId, (turn) => ({ ...turn, usage, cost, ended, taken: [] }));
    }
    default:
      return transcript; // `turnBegan`, or a kind that is newer than this client
  }
}

function withMessage(
  transcript: Transcript,
  turnId: string,
  entry: SessionEntry & EntryBody & { kind: 'message' },
): Transcript {
  switch (entry.role) {
    case 'user':
      return changeTurn(transcript, turnId, (turn) => {
        const index = turn.taken.indexOf(entry.text);
        const taken = index < 0 ? turn.taken : turn.taken.toSpliced(index, 1);
        return recordWords({ ...turn, taken }, entry.text, entry.seq);
      });
    case 'assistant': {
      const recorded = changeTurn(transcript, turnId, (turn) => recordAnswer(turn, entry.parts.map(piece), entry.seq));
      return entry.parts.reduce(withCall, recorded);
    }
    case 'tool':
      return entry.results.reduce(
        (before, { callId, text, status }) =>
          changeCall(before, callId, (call) => ({ ...call, status, result: text, whole: true, output: '' })),
        transcript,
      );
    default:
      return transcript; // a role that is newer than this client
  }
}

function withCall(transcript: Transcript, part: MessagePart): Transcript {
  if (part.type !== 'toolCall') {
    return transcript;
  }
  const { tool, arguments: written } = part;
  return changeCall(transcript, part.callId, (call) => ({ ...call, tool, arguments: written }));
}

function piece(part: MessagePart): Piece {
  return part.type === 'toolCall' ? { kind: 'call', callId: part.callId } : { kind: part.type, text: part.text };
}
