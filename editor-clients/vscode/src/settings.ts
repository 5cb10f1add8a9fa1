/** The extension's settings as VS Code has them. */

import { workspace } from 'vscode';
import { type Inspected, type SettingName, type SettingValue } from './daemon/environment';

export const SECTION = 'agentLsp';

/** One setting as the user and the workspace have set it; what is unset, null or empty is undefined. */
export function inspected(name: SettingName): Inspected {
  const found = workspace.getConfiguration(SECTION).inspect<SettingValue | null>(name);
  return { user: set(found?.globalValue), workspace: set(found?.workspaceFolderValue ?? found?.workspaceValue) };
}

function set(value: SettingValue | null | undefined): SettingValue | undefined {
  return value === null || value === '' ? undefined : value;
}

/** A program that the user names; a workspace cannot. */
export function userProgram(name: 'daemon.path' | 'daemon.python'): string {
  return workspace.getConfiguration(SECTION).inspect<string>(name)?.globalValue?.trim() ?? '';
}
