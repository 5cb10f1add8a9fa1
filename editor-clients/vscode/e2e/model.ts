/** A model on the loopback: answers Chat Completions as a test tells it to, and notes what it was asked. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as whole } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

/** Words without end, at the pace of a model; they stop when nobody listens any more. */
export async function* endlessWords(): AsyncGenerator<string> {
  for (let said = 0; said < MOST_WORDS; said++) {
    yield 'word ';
    await pause(PACE_MS);
  }
}

/** A text that stops in the middle until the gate is open. */
export async function* inTwoParts(first: string, gate: Promise<undefined>, rest: string): AsyncGenerator<string> {
  yield first;
  await gate;
  yield rest;
}

/** A call that the model makes: a tool's name with its arguments. */
export interface Call {
  tool: string;
  arguments: object;
}

/** One answer: its text, in pieces if the test is to decide when each is sent, then its calls. */
export interface Answer {
  text?: string | AsyncIterable<string>;
  calls?: readonly Call[];
  /** Tokens that the answer is said to have used. */
  usage?: { input: number; output: number };
  /** In place of an answer. */
  failure?: { status: number; message: string };
}

/** What the daemon asked, as far as tests look at it. */
export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string | null;
}

export interface Asked {
  messages: readonly Message[];
  authorization: string | undefined;
  outcome: 'streaming' | 'answered' | 'hung up';
}

const CHUNK = { id: 'answer', object: 'chat.completion.chunk', model: 'mock' };
const MOST_WORDS = 2_000;
const PACE_MS = 20;

export class Model {
  /** Every request, in the order in which they came. */
  readonly requests: Asked[] = [];
  private answers: Answer[] = [];

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.take(request, response));
  }

  static async start(): Promise<Model> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return new Model(server);
  }

  /** The base URL that the daemon is given. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** The newest request. Throws when there is none. */
  get last(): Asked {
    const last = this.requests.at(-1);
    if (!last) throw new Error('the model was asked nothing');
    return last;
  }

  /** What the last message of the newest request says: the prompt, or what a tool returned. */
  get heard(): string {
    return this.last.messages.at(-1)?.content ?? '';
  }

  /** What a tool returned last; what the workspace told after it may stand behind. */
  get returned(): string {
    return this.last.messages.findLast((message) => message.role === 'tool')?.content ?? '';
  }

  /** Forgets what it was asked, and gives these answers to the next requests, one each. */
  willSay(...answers: Answer[]): void {
    this.requests.length = 0;
    this.answers = answers;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { messages } = JSON.parse(await whole(request)) as { messages: Message[] };
    const asked: Asked = { messages, authorization: request.headers.authorization, outcome: 'streaming' };
    this.requests.push(asked);
    response.on('close', () => (asked.outcome = response.writableFinished ? 'answered' : 'hung up'));
    const answer = this.answers.shift() ?? { failure: { status: 400, message: 'the test has no answer for this' } };
    if (answer.failure) refuse(response, answer.failure);
    else await stream(response, answer);
  }
}

function refuse(response: ServerResponse, failure: { status: number; message: string }): void {
  response.writeHead(failure.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { message: failure.message } }));
}

async function stream(response: ServerResponse, answer: Answer): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for await (const content of pieces(answer.text)) {
    if (response.destroyed) return;
    send(response, { content });
  }
  const calls = (answer.calls ?? []).map((call, index) => toolCall(call, index));
  if (calls.length > 0) send(response, { tool_calls: calls });
  send(response, {}, calls.length > 0 ? 'tool_calls' : 'stop', answer.usage);
  response.end('data: [DONE]\n\n');
}

function pieces(text: Answer['text']): AsyncIterable<string> | Iterable<string> {
  return typeof text === 'string' ? [text] : (text ?? []);
}

function send(response: ServerResponse, delta: object, finish?: string, usage?: Answer['usage']): void {
  const tokens = usage && { prompt_tokens: usage.input, completion_tokens: usage.output };
  const chunk = { ...CHUNK, choices: [{ index: 0, delta, finish_reason: finish ?? null }], usage: tokens };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}

let callsMade = 0;

function toolCall(call: Call, index: number): object {
  const made = { name: call.tool, arguments: JSON.stringify(call.arguments) };
  return { index, id: `call_${++callsMade}`, type: 'function', function: made };
}
