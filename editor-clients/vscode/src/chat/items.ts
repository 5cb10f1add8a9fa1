/** The items of a turn: words of the user and answers of the model, as events and entries bring them. */

import type { TextDeltaEvent, ThinkingDeltaEvent } from '../contract';
import type { Item, Message, Piece, Turn, Words } from './transcript';

/** The turn with words of the user that an event of `seq` told of. */
export function tellWords(turn: Turn, text: string, seq: number): Turn {
  const isTold = (item: Item): boolean => item.kind === 'user' && item.text === text && item.told === seq;
  if (turn.items.some(isTold)) {
    return turn;
  }
  const index = turn.items.findIndex((item) => isRecorded(item, seq) && item.kind === 'user' && item.text === text);
  const item = turn.items[index];
  if (item !== undefined) {
    return withItem(turn, index, { ...item, told: seq });
  }
  return { ...turn, items: [...turn.items, { kind: 'user', text, seq, told: seq, recorded: false }] };
}

/** The turn with a delta added to its growing answer; a delta that is there already changes nothing. */
export function addDelta(turn: Turn, delta: TextDeltaEvent | ThinkingDeltaEvent, seq: number): Turn {
  const channel = delta.kind === 'textDelta' ? 'text' : 'thinking';
  const open = openMessage(turn);
  if (open === undefined) {
    const isPast = turn.items.some((item) => item.kind === 'assistant' && item.seq !== undefined && seq < item.seq);
    return isPast ? turn : { ...turn, items: [...turn.items, grown(BLANK, channel, delta)] };
  }
  return withItem(turn, turn.items.lastIndexOf(open), grown(open, channel, delta));
}

/** The turn after the event of `seq` that follows each answer: what grew is whole, or an answer without words came. */
export function tellAnswer(turn: Turn, seq: number): Turn {
  const open = openMessage(turn);
  if (open !== undefined) {
    return closeAnswer(turn, seq);
  }
  const index = turn.items.findLastIndex((item) => item.kind === 'assistant' && (item.seq ?? Infinity) <= seq);
  const last = turn.items[index];
  if (last?.told === seq) {
    return turn;
  }
  if (last?.recorded === true && last.told === undefined) {
    return withItem(turn, index, { ...last, told: seq });
  }
  return { ...turn, items: [...turn.items, { ...BLANK, seq, told: seq }] };
}

/** The turn with its growing answer closed, if there is one. */
export function closeAnswer(turn: Turn, seq: number): Turn {
  const open = openMessage(turn);
  return open === undefined ? turn : withItem(turn, turn.items.lastIndexOf(open), { ...open, seq, told: seq });
}

/** The turn with a call in its last answer, unless it stands there already. */
export function placeCall(turn: Turn, callId: string, seq: number): Turn {
  const isIt = (piece: Piece): boolean => piece.kind === 'call' && piece.callId === callId;
  if (turn.items.some((item) => item.kind === 'assistant' && item.pieces.some(isIt))) {
    return turn;
  }
  const call: Piece = { kind: 'call', callId };
  const index = turn.items.findLastIndex((item) => item.kind === 'assistant');
  const last = turn.items[index];
  if (last?.kind !== 'assistant' || last.recorded) {
    return { ...turn, items: [...turn.items, { ...BLANK, pieces: [call], seq, told: seq }] };
  }
  return withItem(turn, index, { ...last, pieces: [...last.pieces, call] });
}

/** The turn with the words that an entry of `seq` holds. */
export function recordWords(turn: Turn, text: string, seq: number): Turn {
  const index = turn.items.findIndex(
    (item) => item.kind === 'user' && item.text === text && !item.recorded && isAfter(item, seq),
  );
  const item = turn.items[index];
  if (item !== undefined) {
    return withItem(turn, index, { ...item, seq, recorded: true });
  }
  return inserted(turn, { kind: 'user', text, seq, recorded: true }, seq);
}

/** The turn with the answer that an entry of `seq` holds, in place of what was seen of it. */
export function recordAnswer(turn: Turn, pieces: readonly Piece[], seq: number): Turn {
  const index = turn.items.findIndex((item) => item.kind === 'assistant' && !item.recorded && isAfter(item, seq));
  const seen = turn.items[index];
  const recorded: Message = { ...BLANK, pieces, seq, recorded: true };
  if (seen === undefined) {
    return inserted(turn, recorded, seq);
  }
  return withItem(turn, index, seen.told === undefined ? recorded : { ...recorded, told: seen.told });
}

const BLANK: Message = { kind: 'assistant', pieces: [], gap: false, length: { text: 0, thinking: 0 }, recorded: false };

function openMessage(turn: Turn): Message | undefined {
  const open = turn.items.findLast((item) => item.seq === undefined);
  return open?.kind === 'assistant' ? open : undefined;
}

function isRecorded(item: Item, seq: number): boolean {
  return item.recorded && item.told === undefined && (item.seq ?? 0) <= seq;
}

function isAfter(item: Words | Message, seq: number): boolean {
  return item.seq === undefined || item.seq >= seq;
}

function inserted(turn: Turn, item: Item, seq: number): Turn {
  const index = turn.items.findIndex((other) => isAfter(other, seq));
  return { ...turn, items: index < 0 ? [...turn.items, item] : turn.items.toSpliced(index, 0, item) };
}

function withItem(turn: Turn, index: number, item: Item): Turn {
  return { ...turn, items: turn.items.with(index, item) };
}

function grown(message: Message, channel: 'text' | 'thinking', delta: TextDeltaEvent | ThinkingDeltaEvent): Message {
  const length = message.length[channel];
  const fresh = delta.offset >= length ? delta.text : skipped(delta.text, length - delta.offset);
  if (fresh === '') {
    return message;
  }
  const gap = delta.offset > length;
  const pieces = gap ? [...message.pieces, { kind: channel, text: fresh }] : extended(message.pieces, channel, fresh);
  const total = Math.max(length, delta.offset) + codePoints(fresh);
  return { ...message, pieces, gap: message.gap || gap, length: { ...message.length, [channel]: total } };
}

function extended(pieces: readonly Piece[], channel: 'text' | 'thinking', text: string): readonly Piece[] {
  const last = pieces.at(-1);
  if (last?.kind === channel) {
    return pieces.with(-1, { kind: channel, text: last.text + text });
  }
  return [...pieces, { kind: channel, text }];
}

function skipped(text: string, count: number): string {
  return Array.from(text).slice(count).join('');
}

function codePoints(text: string): number {
  return Array.from(text).length;
}
