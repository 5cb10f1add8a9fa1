/** Keys of model providers: kept in VS Code's secret storage, handed to the daemon in its environment, shown nowhere. */

import { l10n, window, type SecretStorage } from 'vscode';

interface Provider {
  id: string;
  variable: string;
  label: string;
  description: string;
}

const PREFIX = 'agentLsp.key.';

function providers(): Provider[] {
  return [
    { id: 'anthropic', variable: 'ANTHROPIC_API_KEY', label: 'Anthropic', description: 'Claude' },
    { id: 'openai', variable: 'OPENAI_API_KEY', label: 'OpenAI', description: 'GPT' },
    {
      id: 'other',
      variable: 'AGENT_LSP_API_KEY',
      label: l10n.t('Another server'),
      description: l10n.t('the one named by agentLsp.model and agentLsp.baseUrl'),
    },
  ];
}

/** All stored keys as variables of the daemon's environment. */
export async function keyVariables(secrets: SecretStorage): Promise<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const { id, variable } of providers()) {
    const key = await secrets.get(PREFIX + id);
    if (key) variables[variable] = key;
  }
  return variables;
}

/** Asks for a key and stores it; the storage tells whoever listens. */
export async function setKey(secrets: SecretStorage): Promise<void> {
  const provider = await window.showQuickPick(providers(), { title: l10n.t('Whose API key?'), ignoreFocusOut: true });
  if (!provider) return;
  const key = await window.showInputBox({
    title: l10n.t('API key: {0}', provider.label),
    prompt: l10n.t('It is kept in VS Code’s secret storage and in no settings file.'),
    password: true,
    ignoreFocusOut: true,
  });
  if (key?.trim()) await secrets.store(PREFIX + provider.id, key.trim());
}

/** Forgets a stored key. */
export async function removeKey(secrets: SecretStorage): Promise<void> {
  const stored: Provider[] = [];
  for (const provider of providers()) {
    if (await secrets.get(PREFIX + provider.id)) stored.push(provider);
  }
  if (stored.length === 0) {
    void window.showInformationMessage(l10n.t('No API key is stored.'));
    return;
  }
  const provider = await window.showQuickPick(stored, { title: l10n.t('Which API key should be removed?') });
  if (provider) await secrets.delete(PREFIX + provider.id);
}
