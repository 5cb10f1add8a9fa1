/** Events → transcript. */

import type { AgentEvent } from '../contract';
import { addDelta, closeAnswer, placeCall, tellAnswer, tellWords } from './items';
import { changeCall, changeTurn, settled, withTurn, type Transcript, type Turn } from './transcript';

/**
 * The transcript after an event. One of another session changes nothing; a turn whose beginning was not seen, an answer
 * with a gap and the end of a turn make it stale.
 */
export function withEvent(transcript: Transcript, event: AgentEvent): Transcript {
  if (transcript.sessionId !== undefined && transcript.sessionId !== event.sessionId) {
    return transcript;
  }
  const isKnown = transcript.turns.some((turn) => turn.id === event.turnId);
  const after = folded(withTurn({ ...transcript, sessionId: event.sessionId }, event.turnId), event);
  const stale = after.stale || (!isKnown && event.kind !== 'turnStarted');
  return { ...after, isLost: false, stale };
}

function folded(transcript: Transcript, event: AgentEvent): Transcript {
  const change = (to: (turn: Turn) => Turn): Transcript => changeTurn(transcript, event.turnId, to);
  switch (event.kind) {
    case 'turnStarted':
      return change((turn) => ({
        ...tellWords(turn, event.prompt, event.seq),
        model: event.model,
        ...(event.note === undefined ? {} : { note: event.note }),
      }));
    case 'promptJoined':
      return change((turn) => tellWords(untaken(turn, event.prompt), event.prompt, event.seq));
    case 'textDelta':
    case 'thinkingDelta':
      return change((turn) => addDelta(tried(turn), event, event.seq));
    case 'usageUpdated':
      return stepped(transcript, event);
    case 'retrying': {
      const { reason, attempt, attempts, seconds } = event;
      return change((turn) => (turn.ended ? turn : { ...turn, retry: { reason, attempt, attempts, seconds } }));
    }
    case 'turnFinished':
      return finished(transcript, event);
    default:
      return withCallEvent(transcript, event);
  }
}

function withCallEvent(transcript: Transcript, event: AgentEvent): Transcript {
  switch (event.kind) {
    case 'toolCallStarted': {
      const placed = changeTurn(transcript, event.turnId, (turn) => placeCall(turn, event.callId, event.seq));
      const { tool, toolKind, title } = event;
      return changeCall(placed, event.callId, (call) => {
        const status = call.status === 'waiting' ? 'running' : call.status;
        return { ...call, tool, toolKind, title, status };
      });
    }
    case 'toolCallOutput':
      return changeCall(transcript, event.callId, (call) =>
        settled(call) ? call : { ...call, output: call.output + event.text },
      );
    case 'toolCallFinished':
      return changeCall(transcript, event.callId, (call) => {
        const result = call.whole ? call.result : event.result;
        return {
          ...call,
          tool: event.tool,
          title: event.title,
          status: event.status,
          result,
          output: call.whole ? '' : call.output,
        };
      });
    case 'approvalRequested':
      return changeCall(transcript, event.callId, (call) => (settled(call) ? call : { ...call, status: 'asking' }));
    case 'approvalDecided':
      return changeCall(transcript, event.callId, (call) => {
        const status = call.status === 'asking' ? 'running' : call.status;
        const { decision, answered } = event;
        return { ...call, status, answer: { decision, answered, feedback: call.answer?.feedback ?? '' } };
      });
    default:
      return transcript; // a kind that is newer than this client
  }
}

function stepped(transcript: Transcript, event: AgentEvent & { kind: 'usageUpdated' }): Transcript {
  const after = changeTurn(transcript, event.turnId, (turn) => {
    const closed = tellAnswer(tried(turn), event.seq);
    return turn.ended ? closed : { ...closed, usage: event.usage, cost: event.cost };
  });
  const turn = after.turns.find((one) => one.id === event.turnId);
  const hasGap = turn?.items.some((item) => item.kind === 'assistant' && item.gap) ?? false;
  return hasGap ? { ...after, stale: true } : after;
}

function finished(transcript: Transcript, event: AgentEvent & { kind: 'turnFinished' }): Transcript {
  const { stopReason, usage, cost } = event;
  const ended = { stopReason, usage, cost, error: event.error?.message ?? '' };
  const after = changeTurn(transcript, event.turnId, (turn) => ({
    ...closeAnswer(tried(turn), event.seq),
    usage,
    cost,
    ended,
    taken: [],
  }));
  return { ...after, stale: after.stale || event.seq > transcript.head };
}

/** The turn without the note that a request is tried again. */
function tried(turn: Turn): Turn {
  if (turn.retry === undefined) {
    return turn;
  }
  const rest = { ...turn };
  delete rest.retry;
  return rest;
}

function untaken(turn: Turn, text: string): Turn {
  const index = turn.taken.indexOf(text);
  return index < 0 ? turn : { ...turn, taken: turn.taken.toSpliced(index, 1) };
}
