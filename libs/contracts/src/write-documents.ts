/** `npm run contracts -- FOLDER`: writes openapi.json and asyncapi.json there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncApiDocument } from './asyncapi.ts';
import { bootstrapRoutes } from './bootstrap-routes.ts';
import { firmwareRoutes } from './firmware-routes.ts';
import { pkiRoutes } from './pki-routes.ts';
import { openApiDocument } from './openapi.ts';
import { restRoutes } from './rest-routes.ts';
import { API_VERSION } from './version.ts';

const [folder = '.'] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const [name, document] of [['openapi', openApiDocument(API_VERSION, [...restRoutes, ...firmwareRoutes, ...pkiRoutes, ...bootstrapRoutes])], ['asyncapi', asyncApiDocument(API_VERSION)]] as const) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(document, null, 2)}\n`);
}
