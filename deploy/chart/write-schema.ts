/** Writes helm/values.schema.json (`npm run docs`). */
import { writeFileSync } from 'node:fs';
import { chartSchema } from './values.ts';

writeFileSync(new URL('../../helm/values.schema.json', import.meta.url), `${JSON.stringify(chartSchema(), null, 2)}\n`);
