/** One answer of the model: its thoughts, folded; its words; its tool calls. */

import type { Call, Message, Piece, Turn } from '../src/chat/transcript';
import { CallRow } from './calls';
import { doors, type Context } from './context';
import { element, icon, say } from './dom';
import { GrowingMarkdown } from './growing';
import { KeyedList, type Row } from './keyed';

/** What an answer is drawn from. `isGrowing` while the model writes it. */
export interface Answering {
  message: Message;
  calls: Readonly<Record<string, Call>>;
  isGrowing: boolean;
}

interface Shown {
  piece: Piece;
  call?: Call | undefined;
  isGrowing: boolean;
}

export class AnswerView implements Row<Answering> {
  readonly root = element('div', { class: 'answer' });
  private readonly pieces = element('div', { class: 'pieces' });
  private readonly gap: HTMLElement;
  private readonly list: KeyedList<Shown, string>;

  constructor(context: Context) {
    this.gap = element('div', { class: 'gap', hidden: '' }, icon('info'), context.texts.missing);
    this.root.append(this.pieces, this.gap);
    this.list = new KeyedList(this.pieces, keyOf, (shown) => made(shown.piece, context));
  }

  update({ message, calls, isGrowing }: Answering): void {
    this.gap.hidden = !message.gap;
    const last = message.pieces.length - 1;
    this.list.update(
      message.pieces.map((piece, index) => ({
        piece,
        call: piece.kind === 'call' ? calls[piece.callId] : undefined,
        isGrowing: isGrowing && index === last,
      })),
    );
  }
}

/** Whether the model still writes an answer. */
export function isGrowing(turn: Turn, message: Message): boolean {
  return message.seq === undefined && turn.ended === undefined;
}

function keyOf({ piece }: Shown, index: number): string {
  return piece.kind === 'call' ? `call ${piece.callId}` : `${piece.kind} ${index}`;
}

function made(piece: Piece, context: Context): Row<Shown> {
  switch (piece.kind) {
    case 'text':
      return textRow(context);
    case 'thinking':
      return new ThinkingRow(context);
    case 'call':
      return callRow(context);
  }
}

function textRow(context: Context): Row<Shown> {
  const markdown = new GrowingMarkdown(doors(context));
  return {
    root: markdown.root,
    update: ({ piece }) => {
      markdown.update(piece.kind === 'text' ? piece.text : '');
    },
  };
}

function callRow(context: Context): Row<Shown> {
  const row = new CallRow(context);
  return {
    root: row.root,
    update: ({ call }) => {
      if (call) {
        row.update(call);
      }
    },
  };
}

class ThinkingRow implements Row<Shown> {
  readonly root = element('details', { class: 'thinking' });
  private readonly label = element('span', { class: 'thinking-label' });
  private readonly markdown: GrowingMarkdown;
  private text = '';

  constructor(private readonly context: Context) {
    this.markdown = new GrowingMarkdown(doors(context));
    this.root.append(element('summary', {}, icon('chevron-right'), this.label), this.markdown.root);
    this.root.addEventListener('toggle', () => {
      this.draw();
    });
  }

  update({ piece, isGrowing: grows }: Shown): void {
    this.text = piece.kind === 'thinking' ? piece.text : '';
    this.root.classList.toggle('growing', grows);
    say(this.label, grows ? this.context.texts.thinking : this.context.texts.thought);
    this.draw();
  }

  private draw(): void {
    if (this.root.open) {
      this.markdown.update(this.text);
    }
  }
}
