/** The client's side of SASL: PLAIN (RFC 4616), SCRAM (RFC 5802, RFC 7677) and OAUTHBEARER (RFC 7628), without a socket. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Sasl } from '../security.ts';

/** The broker does not accept us, or is not whom it should be. */
export class SaslFailed extends Error {
  readonly code = 'KAFKA_SASL_FAILED';
}

/** Gives the broker what this side says, and what it answers back. */
export type Exchange = (message: Buffer) => Promise<Buffer>;

const derive = promisify(pbkdf2);
/** RFC 7677 §4: 4,096 at least. No broker that means well asks for more than the upper one. */
const ITERATIONS = { least: 4_096, most: 1_000_000 };
const NONCE_BYTES = 18;
const KVSEP = '\u0001';

/** Throws {@link SaslFailed} when the broker can't prove that it knows the password either. */
export async function authenticate(sasl: Sasl, exchange: Exchange, nonce = randomBytes(NONCE_BYTES).toString('base64')): Promise<void> {
  if (sasl.mechanism === 'plain') await exchange(Buffer.from(`\0${sasl.username}\0${sasl.password()}`));
  else if (sasl.mechanism === 'oauthbearer') await bear(sasl.token(), exchange);
  else await scram(sasl.mechanism === 'scram-sha-512' ? 'sha512' : 'sha256', sasl.username, sasl.password(), nonce, exchange);
}

/** RFC 7628 §3.1. A refusal has a reason, which the broker tells once it was acknowledged (§3.2.3). */
async function bear(token: string, exchange: Exchange): Promise<void> {
  const refusal = await exchange(Buffer.from(`n,,${KVSEP}auth=Bearer ${token}${KVSEP}${KVSEP}`));
  if (refusal.length === 0) return;
  await exchange(Buffer.from(KVSEP));
  throw new SaslFailed(`the token was refused: ${refusal.toString().slice(0, 200)}`);
}

async function scram(hash: 'sha256' | 'sha512', username: string, password: string, nonce: string, exchange: Exchange): Promise<void> {
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const first = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`; // RFC 5802 §5.1
  const challenge = (await exchange(Buffer.from(`n,,${first}`))).toString();
  const { r: serverNonce = '', s: salt = '', i = '' } = attributes(challenge);
  const iterations = Number(i);
  if (!serverNonce.startsWith(nonce) || serverNonce === nonce || salt === '') throw new SaslFailed('the challenge does not answer what was asked');
  if (!(iterations >= ITERATIONS.least && iterations <= ITERATIONS.most)) throw new SaslFailed(`${i} iterations`);
  const salted = await derive(password, Buffer.from(salt, 'base64'), iterations, hash === 'sha256' ? 32 : 64, hash);
  const final = `c=biws,r=${serverNonce}`;
  const proven = `${first},${challenge},${final}`;
  const clientKey = hmac(salted, 'Client Key');
  const signature = hmac(createHash(hash).update(clientKey).digest(), proven);
  const proof = clientKey.map((byte, at) => byte ^ signature[at]!);
  const verdict = attributes((await exchange(Buffer.from(`${final},p=${Buffer.from(proof).toString('base64')}`))).toString());
  const expected = hmac(hmac(salted, 'Server Key'), proven);
  const told = Buffer.from(verdict['v'] ?? '', 'base64');
  if (told.length !== expected.length || !timingSafeEqual(told, expected)) throw new SaslFailed('the broker does not know the password');
}

/** RFC 5802 §5.1: a letter, an equals sign and a value, with commas between. */
function attributes(text: string): Record<string, string> {
  return Object.fromEntries(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}
