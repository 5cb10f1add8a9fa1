import { expect, test } from 'vitest';
import { targetOf } from '../../../src/chat/target';

const FOLDERS = ['/home/user/shop', '/home/user/lib'];

test('a path leads to a file in a folder of the workspace, at its line', () => {
  expect(targetOf('src/tax.py', ['/home/user/shop'])).toEqual({ kind: 'file', paths: ['/home/user/shop/src/tax.py'] });
  expect(targetOf('src/tax.py#L7-L9', ['/w'])).toEqual({ kind: 'file', paths: ['/w/src/tax.py'], line: 7 });
  expect(targetOf('src/tax.py:12:3', ['/w'])).toEqual({ kind: 'file', paths: ['/w/src/tax.py'], line: 12 });
  expect(targetOf('tax.py:12', ['/w'])).toEqual({ kind: 'file', paths: ['/w/tax.py'], line: 12 });
  expect(targetOf('my%20file.py', ['/w'])).toEqual({ kind: 'file', paths: ['/w/my file.py'] });
  expect(targetOf('file:///home/user/lib/a.py', FOLDERS)).toEqual({ kind: 'file', paths: ['/home/user/lib/a.py'] });
  expect(targetOf('a.py', FOLDERS)).toEqual({
    kind: 'file',
    paths: ['/home/user/shop/a.py', '/home/user/lib/a.py'],
  });
});

test('a web address leads to the web', () => {
  expect(targetOf('https://example.org/#L3', FOLDERS)).toEqual({ kind: 'web', url: 'https://example.org/#L3' });
});

test('nothing leads anywhere else', () => {
  const refused = [
    'javascript:alert(1)',
    'command:workbench.action.terminal.new',
    'vscode://file/etc/passwd',
    'data:text/html,x',
    'mailto:a@example.org',
    '../other/secret',
    '..%2f..%2fsecret',
    '/etc/passwd',
    '/home/user/shop-of-others/a.py',
    'file:///etc/passwd',
    'file://host/share',
    '#L3',
    '%',
    '',
  ];
  expect(refused.map((written) => targetOf(written, FOLDERS))).toEqual(refused.map(() => undefined));
});

test('without a folder no file is opened', () => {
  expect(targetOf('src/tax.py', [])).toBeUndefined();
});
