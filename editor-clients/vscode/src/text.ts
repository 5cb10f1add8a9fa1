/** Words of others in places that give some characters a meaning. */

const MOST_NOTIFIED = 300;

/**
 * Text as a notification, a progress or a tooltip shows it. There `[words](command:…)` is a link that runs a command
 * and `$(name)` an icon; what a model wrote must be neither.
 */
export function notified(text: string, most = MOST_NOTIFIED): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  const cut = flat.length > most ? `${flat.slice(0, most - 1)}…` : flat;
  return cut.replaceAll('](', '] (').replaceAll('$(', '$ (');
}

/** A link that runs a command of ours. */
export function commandLink(label: string, command: string, ...values: readonly string[]): string {
  return `[${label}](command:${command}?${encodeURIComponent(JSON.stringify(values))})`;
}
