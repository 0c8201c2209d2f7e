/** Lists the settings for people: the table that documentation is generated from. */
import { type Default, type Setting, settings } from './settings.ts';

export interface SettingDocumentation {
  readonly name: string;
  /** The default as it would stand in the environment; empty: none. */
  readonly default: string;
  readonly meaning: string;
}

/** Every setting in the order of the table. */
export function settingsTable(): readonly SettingDocumentation[] {
  return Object.values<Setting>(settings).map(({ name, default: byDefault, meaning }) => ({
    name,
    default: describeDefault(byDefault),
    meaning,
  }));
}

/** The settings as a Markdown table. */
export function renderSettingsMarkdown(): string {
  const rows = settingsTable().map((row) => `| \`${row.name}\` | ${row.default && `\`${row.default}\``} | ${row.meaning} |`);
  return ['| variable | default | meaning |', '|---|---|---|', ...rows, ''].join('\n');
}

function describeDefault(byDefault: Default): string {
  if (typeof byDefault !== 'object') return byDefault ?? '';
  const { edge, standalone } = byDefault;
  return edge === standalone ? (edge ?? '') : `${edge} (standalone: ${standalone})`;
}
