/** TLS-Attacker as a hostile DTLS client: one handshake with a pre-shared key, wrong in a way that has a name. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { buildMaven } from '../maven-project.ts';
import type { PskSecurity } from './peer.ts';

const run = promisify(execFile);
const PROJECT = resolve(import.meta.dirname, '../../../clients/tls-attacker');
const OUTPUT_BYTES = 16 << 20;

/** Handshakes it knows: the honest one also sends "here". */
export const ATTACKS = [
  'honest', 'wrong-finished', 'no-change-cipher-spec', 'early-change-cipher-spec', 'no-key-exchange', 'early-data',
  'invented-cookie', 'endless-hello', 'no-cipher-suites', 'renegotiation',
] as const;

export type Attack = (typeof ATTACKS)[number];

/** What the server answered. */
export interface AttackOutcome {
  /** Names of the messages, in their order: HelloVerifyRequest, ServerHello, ServerHelloDone, ChangeCipherSpec, Finished, Alert. */
  readonly received: readonly string[];
  /** Number of the last alert. */
  readonly alert: number | null;
}

/** Builds the program with Maven where the cache has none of these sources. Returns the class path. */
export function buildTlsAttacker(): Promise<string> {
  return buildMaven('tls-attacker', PROJECT, 'tls-attacker-client');
}

/** Shakes hands with the server at the port of 127.0.0.1, with TLS_PSK_WITH_AES_128_CCM_8. Takes some seconds. */
export async function attack(name: Attack, port: number, { identity, keyHex }: PskSecurity): Promise<AttackOutcome> {
  const java = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', await buildTlsAttacker(), 'lwm2m.cluster.Attacker'];
  const { stdout } = await run('java', [...java, String(port), identity, keyHex, name], { maxBuffer: OUTPUT_BYTES });
  const told = stdout.split('\n').findLast((line) => line.startsWith('{"event":"outcome"')); // the rest is its log
  if (told === undefined) throw new Error(`TLS-Attacker told of no outcome:\n${stdout.slice(-2_000)}`);
  const { received, alert } = JSON.parse(told) as AttackOutcome;
  return { received, alert };
}
