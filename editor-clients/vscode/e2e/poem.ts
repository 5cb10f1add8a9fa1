/** The file that the tests' agent works on, and changes to it. */

import type { Call } from './model';

export const POEM = 'roses are red\nviolets are blue\n';

/** A call that reads poem.txt: what the user changed since is not edited unseen. */
export const READ: Call = { tool: 'read_file', arguments: { path: 'poem.txt' } };

/** A call that replaces words of poem.txt. */
export function edit(from: string, to: string): Call {
  return { tool: 'edit_file', arguments: { path: 'poem.txt', edits: [{ old_text: from, new_text: to }] } };
}

/** A call that asks before it changes many places at once. */
export function editAll(file: string, ...changes: readonly [string, string][]): Call {
  const edits = changes.map(([from, to]) => ({ old_text: from, new_text: to }));
  return { tool: 'edit_file', arguments: { path: file, edits } };
}
