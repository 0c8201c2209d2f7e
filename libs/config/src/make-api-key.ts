/** `npm run api-key -- NAME ROLE [TENANT]`: makes a static key, and the entry for the file of keys. */
import { createHash, randomBytes } from 'node:crypto';
import { ALL_TENANTS, apiKey } from '@cluster/contracts';

const KEY_BYTES = 32;

const [name, role, tenant = ALL_TENANTS] = process.argv.slice(2);
const key = randomBytes(KEY_BYTES).toString('base64url');
const entry = apiKey.safeParse({ name, sha256: createHash('sha256').update(key).digest('hex'), grants: [{ role, tenant }] });
if (entry.success) {
  process.stdout.write(`key, shown only now: ${key}\nentry of "keys" in LWM2M_API_KEYS_FILE: ${JSON.stringify(entry.data)}\n`);
} else {
  const faults = entry.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  process.stderr.write(`usage: npm run api-key -- NAME viewer|operator|provisioner|admin [TENANT]\n${faults}\n`);
  process.exitCode = 2;
}
