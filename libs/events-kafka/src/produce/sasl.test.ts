import { expect, test } from 'vitest';
import type { Sasl } from '../security.ts';
import { authenticate, SaslFailed } from './sasl.ts';

/** Plays a broker that says these things in turn; gives what it heard. */
function broker(...says: string[]): { heard: string[]; exchange: (message: Buffer) => Promise<Buffer> } {
  const heard: string[] = [];
  return { heard, exchange: async (message) => Buffer.from((heard.push(message.toString()), says[heard.length - 1] ?? '')) };
}

const scram: Sasl = { mechanism: 'scram-sha-256', username: 'user', password: () => 'pencil' };
// RFC 7677 §3
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const CHALLENGE = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
const FINAL = 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
const VERDICT = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

test('SCRAM-SHA-256 says what RFC 7677 shows, and knows its broker', async () => {
  const { heard, exchange } = broker(CHALLENGE, VERDICT);
  await authenticate(scram, exchange, NONCE);
  expect(heard).toEqual([`n,,n=user,r=${NONCE}`, FINAL]);
});

test.each<[string, string, string]>([
  ['a broker that does not know the password', CHALLENGE, 'v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='],
  ['a broker that proves nothing', CHALLENGE, ''],
  ['a challenge of another exchange', CHALLENGE.replace('rOpr', 'xxxx'), VERDICT],
  ['a nonce to which the broker added nothing', `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, VERDICT],
  ['too few iterations', CHALLENGE.replace('4096', '1'), VERDICT],
  ['iterations that would take for ever', CHALLENGE.replace('4096', '4000000000'), VERDICT],
  ['no challenge', 'garbage', VERDICT],
])('%s is refused', async (_name, challenge, verdict) => {
  await expect(authenticate(scram, broker(challenge, verdict).exchange, NONCE)).rejects.toThrow(SaslFailed);
});

test('a name with the characters of SCRAM is escaped', async () => {
  const { heard, exchange } = broker('garbage');
  await authenticate({ ...scram, username: 'a,b=c' }, exchange, NONCE).catch(() => {});
  expect(heard).toEqual([`n,,n=a=2Cb=3Dc,r=${NONCE}`]);
});

test('PLAIN and OAUTHBEARER say it at once; the reason of a refused token is told', async () => {
  const plain = broker('');
  await authenticate({ mechanism: 'plain', username: 'user', password: () => 'pencil' }, plain.exchange);
  expect(plain.heard).toEqual(['\0user\0pencil']);
  const token = { mechanism: 'oauthbearer', token: () => 'abc' } as const;
  const taken = broker('');
  await authenticate(token, taken.exchange);
  expect(taken.heard).toEqual(['n,,\u0001auth=Bearer abc\u0001\u0001']);
  const refused = broker('{"status":"invalid_token"}', '');
  await expect(authenticate(token, refused.exchange)).rejects.toThrow(/invalid_token/);
  expect(refused.heard[1]).toBe('\u0001');
});
