/** Runs a program to its end; whatever it started ends with it. */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface Ran {
  /** The exit code, 128 and its number for a signal; undefined when the program could not be started. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  environment?: NodeJS.ProcessEnv;
  /** Ends the program and its children. */
  signal?: AbortSignal;
  /** Milliseconds after which it is ended likewise. */
  timeout?: number;
  /** Told each line as it comes, of both streams. */
  onLine?: (line: string) => void;
}

export type Run = (program: string, words: readonly string[], options?: RunOptions) => Promise<Ran>;

export const run: Run = (program, words, options = {}) =>
  new Promise((resolve) => {
    const signals = [options.signal, options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout)];
    const ending = AbortSignal.any(signals.filter((signal) => signal !== undefined));
    // A group of its own, so that what pip starts is ended too.
    const child = spawn(program, words, {
      env: options.environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = (): void => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    const stdout = gathered(child.stdout, options.onLine);
    const stderr = gathered(child.stderr, options.onLine);
    if (ending.aborted) end();
    ending.addEventListener('abort', end);
    child.once('error', (error) => {
      resolve({ code: undefined, stdout: '', stderr: error.message });
    });
    child.once('close', (code, signal) => {
      ending.removeEventListener('abort', end);
      resolve({ code: code ?? 128 + (signal ? constants.signals[signal] : 0), stdout: stdout(), stderr: stderr() });
    });
  });

function gathered(stream: NodeJS.ReadableStream, onLine?: (line: string) => void): () => string {
  let text = '';
  let unfinished = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
    const lines = (unfinished + chunk).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) onLine?.(line);
  });
  return () => text;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended by itself
  }
}
