/**
 * Settings on their way to the daemon.
 *
 * What stands in the user's own settings goes into the daemon's environment: it may loosen, for the user said it. What
 * stands in the workspace's settings may come from the repository; it goes as the editor's word, which the daemon only
 * takes where it tightens.
 */

/** Read from the user's settings alone: they name a program, a URL or a path, or raise what no table knows. */
export const USER_SETTINGS = [
  'baseUrl',
  'apiKeyCommand',
  'contextWindow',
  'localServers',
  'searchUrl',
  'webAllow',
  'approvalTimeoutSeconds',
  'connectTimeoutSeconds',
  'firstTokenTimeoutSeconds',
  'tokenTimeoutSeconds',
  'maxResultCharacters',
  'stateDir',
] as const;

/** A workspace may set these too, and tighten with them. */
export const SHARED_SETTINGS = [
  'model',
  'preset',
  'maxSteps',
  'maxToolCalls',
  'maxTokens',
  'maxSeconds',
  'maxCost',
  'maxCostPerSession',
  'maxTokensPerSession',
  'maxCostPerDay',
  'maxRetries',
  'webDeny',
] as const;

export type SettingName = (typeof USER_SETTINGS)[number] | (typeof SHARED_SETTINGS)[number];
export type SettingValue = string | number;

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

const PRESETS = ['plan', 'confirm', 'edits', 'auto'];

/** Sorts all settings into what goes by which way. */
export function handedOver(inspect: (name: SettingName) => Inspected): HandedOver {
  const environment: HandedOver['environment'] = {};
  const editor: HandedOver['editor'] = {};
  for (const name of USER_SETTINGS) {
    const { user } = inspect(name);
    if (user !== undefined) environment[variable(name)] = String(user);
  }
  for (const name of SHARED_SETTINGS) {
    const { user, workspace } = inspect(name);
    if (workspace !== undefined && (user === undefined || name === 'model')) editor[name] = workspace;
    else if (user !== undefined) environment[variable(name)] = String(tighter(user, workspace));
  }
  return { environment, editor };
}

/** A setting's name in the environment: `maxCostPerDay` → `AGENT_LSP_MAX_COST_PER_DAY`. */
export function variable(name: string): string {
  return `AGENT_LSP_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

/** The environment's word is final for the daemon, so that where both speak the tighter one is put there. */
function tighter(user: SettingValue, workspace: SettingValue | undefined): SettingValue {
  if (typeof user === 'number' && typeof workspace === 'number') return Math.min(user, workspace);
  const wished = PRESETS.indexOf(String(workspace));
  return workspace !== undefined && wished >= 0 && wished < PRESETS.indexOf(String(user)) ? workspace : user;
}
