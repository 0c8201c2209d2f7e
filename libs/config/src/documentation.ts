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

/** The page docs/configuration.md. */
export function renderConfigurationPage(): string {
  return `# Configuration

Every process reads its environment once, at its start. A wrong value, or a name that begins with \`LWM2M_\` and is none of
these, stops the start with every fault named. An empty variable counts as unset. Times and sizes carry their unit in the
name. \`OTEL_*\` variables are those of the OpenTelemetry SDK: traces and metrics are exported once one of them names
where to. This page is made from \`libs/config/src/settings.ts\` by \`npm run docs\`.

${renderSettingsMarkdown()}`;
}

function describeDefault(byDefault: Default): string {
  if (typeof byDefault !== 'object') return byDefault ?? '';
  const { edge, standalone } = byDefault;
  return edge === standalone ? (edge ?? '') : `${edge} (standalone: ${standalone})`;
}
