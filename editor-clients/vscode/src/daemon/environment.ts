/**
 * Settings on their way to the daemon.
 *
 * What stands in the user's own settings goes into the daemon's environment: it may loosen, for the user said it. What
 * stands in the workspace's settings may come from the repository; it goes as the editor's word, which the daemon only
 * takes where it tightens.
 */

import { SETTINGS, type SettingRow } from './settingRows';

export type SettingName = keyof typeof SETTINGS;
/** As VS Code's JSON has it: texts, numbers, lists of texts, tables. */
export type SettingValue = string | number | boolean | readonly string[] | Readonly<Record<string, unknown>>;

/** One setting as the user's and as the workspace's settings have it. */
export interface Inspected {
  user?: SettingValue | undefined;
  workspace?: SettingValue | undefined;
}

/** What the daemon is given: variables of its environment, and the editor's settings by their names on the wire. */
export interface HandedOver {
  environment: Record<string, string>;
  editor: Record<string, SettingValue>;
}

/** Sorts all settings into what goes by which way. */
export function handedOver(inspect: (name: SettingName) => Inspected): HandedOver {
  const environment: HandedOver['environment'] = {};
  const editor: HandedOver['editor'] = {};
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const { user, workspace } = sorted(SETTINGS[name], inspect(name));
    if (user !== undefined)
      environment[variable(name)] = typeof user === 'object' ? JSON.stringify(user) : String(user);
    if (workspace !== undefined) editor[name] = workspace;
  }
  return { environment, editor };
}

/** What is handed over as the user's word, and what as the workspace's. The user's word is final for the daemon. */
function sorted(row: SettingRow, { user, workspace }: Inspected): Inspected {
  switch (row.who) {
    case 'user':
      return { user };
    case 'add':
      return { user, workspace };
    case 'tighten':
      if (user === undefined || workspace === undefined) return { user, workspace };
      return { user: isTighter(row, workspace, user) ? workspace : user };
    case 'anyone':
      return workspace === undefined || isReserved(row, workspace) ? { user, workspace } : { workspace };
  }
}

function isTighter(row: SettingRow & { who: 'tighten' }, value: SettingValue, than: SettingValue): boolean {
  if (typeof value === 'number' && typeof than === 'number') return 'tighter' in row && value < than;
  if (typeof value !== 'string' || typeof than !== 'string' || !('tightestFirst' in row)) return false;
  const place = row.tightestFirst.indexOf(value);
  return place >= 0 && place < row.tightestFirst.indexOf(than);
}

function isReserved(row: SettingRow & { who: 'anyone' }, value: SettingValue): boolean {
  return row.reserved !== undefined && typeof value === 'string' && value.startsWith(row.reserved);
}

/** A setting's name in the environment: `maxCostPerDay` → `AGENT_LSP_MAX_COST_PER_DAY`. */
export function variable(name: string): string {
  return `AGENT_LSP_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}
