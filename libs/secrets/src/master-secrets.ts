/**
 * The text of a secret file: the master secrets of a cluster, newest first, one line `id hex` for each. The first seals
 * and signs, all of them open and verify, so a secret is changed by adding a line above and removing the last one later.
 */
import { fromHex } from '@cluster/bytes';

/** One master secret. Its id, 0 to 15, tells in clear with which one something was made. */
export interface MasterSecret {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** Why a text is no secret file. `message` repeats nothing of the text but line numbers. */
export interface SecretFileFault {
  readonly message: string;
}

export const MIN_SECRET_BYTES = 32;
const MAX_SECRET_BYTES = 1_024;
/** Each cookie and CID is tried with every secret. */
const MAX_SECRETS = 8;
const MAX_ID = 15;

/** Reads a secret file. Empty lines and lines that begin with `#` say nothing. */
export function parseMasterSecrets(text: string): readonly MasterSecret[] | SecretFileFault {
  const secrets: MasterSecret[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const secret = parseLine(content);
    if (typeof secret === 'string') return { message: `line ${index + 1}: ${secret}` };
    if (secrets.some(({ id }) => id === secret.id)) return { message: `line ${index + 1}: its id stands before` };
    secrets.push(secret);
  }
  if (secrets.length === 0) return { message: 'holds no secret: expected a line "id hex"' };
  if (secrets.length > MAX_SECRETS) return { message: `holds more than ${MAX_SECRETS} secrets` };
  return secrets;
}

function parseLine(line: string): MasterSecret | string {
  const [id = '', hex = '', ...rest] = line.split(/\s+/);
  if (rest.length > 0 || hex === '') return 'expected "id hex"';
  if (!/^\d{1,2}$/.test(id) || Number(id) > MAX_ID) return `expected an id from 0 to ${MAX_ID}`;
  const bytes = fromHex(hex);
  if (bytes === undefined) return 'expected the secret in hex';
  if (bytes.length < MIN_SECRET_BYTES || bytes.length > MAX_SECRET_BYTES) return `expected a secret of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes`;
  return { id: Number(id), bytes };
}
