import { expect, test } from 'vitest';
import { checkedVersion, parsedVersion } from '../../../src/daemon/version';

const checked = (stdout: string): string => checkedVersion('/bin/it', parsedVersion(stdout));

test('the daemon’s own answer is taken, with fields that are not known yet', () => {
  expect(checked('{"name": "agent-lsp", "version": "0.2.0", "protocol": 1, "new": true}')).toBe('0.2.0');
});

test('another program is refused, by the name it gives itself', () => {
  expect(() => checked('{"name": "other-lsp", "version": "3", "protocol": 1}')).toThrow(
    '/bin/it is another program (other-lsp): set agentLsp.daemon.path to agent-lsp, or empty it',
  );
});

test.each(['', 'usage: it [-h]', 'null', '"agent-lsp"'])('a program that answers %j is refused', (stdout) => {
  expect(() => checked(stdout)).toThrow('/bin/it is another program (it does not say what)');
});

test('a daemon that is too old or too new is refused with what to update', () => {
  expect(() => checked('{"name": "agent-lsp", "version": "0.0.1", "protocol": 0}')).toThrow(
    '/bin/it 0.0.1 speaks protocol 0, this extension 1: update it, or empty agentLsp.daemon.path',
  );
  expect(() => checked('{"name": "agent-lsp", "version": "9.0", "protocol": 2}')).toThrow('update this extension');
});
