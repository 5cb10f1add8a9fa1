import { expect, test } from 'vitest';
import { commandLink, notified } from '../../src/text';

const LINK = /\[[^\]]+\]\((?:https?:\/\/|command:|file:)[^)\s]+\)/; // what a notification makes a link of

test('what a model wrote is no link and no icon in a notification', () => {
  const shown = notified('run [Allow](command:agentLsp.allow) $(check)');
  expect(shown).not.toMatch(LINK);
  expect(shown).toBe('run [Allow] (command:agentLsp.allow) $ (check)');
});

test('a long text is cut and stays on one line', () => {
  expect(notified('one\n two\tthree', 9)).toBe('one two …');
});

test('our own link is one', () => {
  const link = commandLink('Allow', 'agentLsp.allow', 'id "1"');
  expect(link).toBe('[Allow](command:agentLsp.allow?%5B%22id%20%5C%221%5C%22%22%5D)');
  expect(link).toMatch(LINK);
});
