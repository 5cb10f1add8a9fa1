import { beforeEach, expect, test } from 'vitest';
import type { DaemonState } from '../../../src/chat/port';
import type { Connection } from '../../../src/client/connection';
import { Daemon, type Wanted } from '../../../src/client/daemon';
import { Restarts } from '../../../src/client/restarts';
import { Problem } from '../../../src/problem';

/** A daemon whose process the test plays. */
class Played {
  wanted: Wanted = { environment: {}, editor: {}, path: '', python: '' };
  hindrance: DaemonState | undefined;
  fault: Error | undefined;
  started: string[] = [];
  stopped = 0;
  waited: number[] = [];
  goodStarts = 0;
  die: (how: string) => void = () => undefined;
  /** A wait ends when the test says so. */
  go: () => void = () => undefined;

  readonly daemon = new Daemon({
    hindrance: () => this.hindrance,
    wanted: () => Promise.resolve(this.wanted),
    find: (wanted) => {
      if (this.fault) return Promise.reject(this.fault);
      return Promise.resolve({ command: wanted.path || 'bundled', words: [], onGoodStart: () => this.good() });
    },
    connect: (program, _, onEnd) => {
      this.started.push(program.command);
      this.die = onEnd;
      return Promise.resolve(this.connection());
    },
    restarts: new Restarts(() => 0),
    wait: (milliseconds) => {
      this.waited.push(milliseconds);
      return new Promise((resolve) => {
        this.go = () => {
          resolve(undefined);
        };
      });
    },
    log: () => undefined,
  });

  private good(): Promise<void> {
    this.goodStarts += 1;
    return Promise.resolve();
  }

  private connection(): Connection {
    return {
      version: '1.0',
      call: (command, params) => Promise.resolve({ command, params }),
      settingsChanged: () => Promise.resolve(),
      stop: () => {
        this.stopped += 1;
        return Promise.resolve();
      },
    };
  }
}

let played: Played;
let states: DaemonState[];

beforeEach(() => {
  played = new Played();
  states = [];
  played.daemon.onState((state) => states.push(state));
});

test('a daemon that starts is ready, and calls reach it', async () => {
  await played.daemon.start();
  expect(states).toEqual([{ kind: 'starting', line: 'The agent’s daemon starts' }, { kind: 'ready' }]);
  expect(await played.daemon.call('agent.status', {})).toEqual({ command: 'agent.status', params: {} });
  expect(played.goodStarts).toBe(1);
});

test('a call during the start waits for it', async () => {
  const started = played.daemon.start();
  const call = played.daemon.call('agent.status', {});
  await started;
  expect(await call).toEqual({ command: 'agent.status', params: {} });
});

test('a daemon that cannot start says why with the remedy, and so does each call', async () => {
  const remedy = { label: 'Open Settings', command: 'agentLsp.openSettings' };
  played.fault = new Problem('it is another program', remedy);
  await played.daemon.start();
  expect(states.at(-1)).toEqual({ kind: 'failed', line: 'it is another program', remedy });
  await expect(played.daemon.call('agent.ask', {})).rejects.toMatchObject({ message: 'it is another program', remedy });
});

test('in a folder that is not trusted nothing is looked for or started', async () => {
  played.hindrance = { kind: 'untrusted', line: 'not trusted' };
  await played.daemon.start();
  expect(states).toEqual([{ kind: 'untrusted', line: 'not trusted' }]);
  expect(played.started).toEqual([]);
});

test('a daemon that dies is told of and started again after a second', async () => {
  const ends: string[] = [];
  played.daemon.onEnd((how) => ends.push(how));
  await played.daemon.start();
  played.die('signal SIGKILL');
  expect(ends).toEqual(['signal SIGKILL']);
  expect(played.daemon.state).toEqual({
    kind: 'starting',
    line: 'The agent’s daemon ended (signal SIGKILL); it starts again in 1 s',
  });
  const call = played.daemon.call('agent.status', {});
  played.go();
  expect(await call).toEqual({ command: 'agent.status', params: {} });
  expect(played.daemon.state).toEqual({ kind: 'ready' });
});

test('a daemon that dies again and again is left to the user, whose start counts anew', async () => {
  await played.daemon.start();
  for (let death = 0; death < 5; death++) {
    played.die('exit code 1');
    played.go();
    await played.daemon.call('agent.status', {});
  }
  played.die('exit code 1');
  expect(played.waited).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
  expect(played.daemon.state).toEqual({
    kind: 'failed',
    line: 'The agent’s daemon ended again and again (exit code 1)',
    remedy: { label: 'Restart', command: 'agentLsp.restart' },
  });
  await played.daemon.start();
  expect(played.daemon.state).toEqual({ kind: 'ready' });
});

test('a start by the user replaces the one that waits', async () => {
  await played.daemon.start();
  played.die('exit code 1');
  const { go } = played;
  await played.daemon.start();
  go();
  await played.daemon.call('agent.status', {});
  expect(played.started).toHaveLength(2);
});

test('the end of a daemon that was replaced is no news', async () => {
  await played.daemon.start();
  const dieLate = played.die;
  await played.daemon.start();
  dieLate('exit code 0');
  expect(played.stopped).toBe(1);
  expect(played.daemon.state).toEqual({ kind: 'ready' });
});

test('a daemon is outdated when what it got at its start is another now, and not by the editor’s settings', async () => {
  await played.daemon.start();
  expect(await played.daemon.isOutdated()).toBe(false);
  played.wanted = { ...played.wanted, editor: { preset: 'plan' } };
  expect(await played.daemon.isOutdated()).toBe(false);
  await played.daemon.tellSettings();
  expect(played.daemon.editorSettings).toEqual({ preset: 'plan' });
  played.wanted = { ...played.wanted, environment: { OPENAI_API_KEY: 'key' } };
  expect(await played.daemon.isOutdated()).toBe(true);
});
