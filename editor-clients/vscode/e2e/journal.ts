/** What a daemon has written down: the journal in its state folder. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** An entry's content, named by its class. */
export interface Written {
  is: string;
  [field: string]: unknown;
}

/** Entries of all sessions, oldest first, as the daemon keeps them. */
export function journal(stateFolder: string): readonly Written[] {
  const database = new DatabaseSync(join(stateFolder, 'journal.sqlite3'), { readOnly: true });
  try {
    const rows = database.prepare('SELECT content FROM entry ORDER BY seq').all();
    return rows.map((row) => JSON.parse(String(row.content)) as Written);
  } finally {
    database.close();
  }
}
