/** `npm run docs`: writes the table of settings to docs/configuration.md. */
import { writeFileSync } from 'node:fs';
import { renderConfigurationPage } from './documentation.ts';

writeFileSync(new URL('../../../docs/configuration.md', import.meta.url), renderConfigurationPage());
