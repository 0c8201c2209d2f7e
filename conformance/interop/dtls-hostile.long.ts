/** TLS-Attacker against the server: hostile handshakes let nobody in, leave nothing behind, and disturb nobody else. */
import { attack, ATTACKS, buildTlsAttacker, ensureOpenssl, startOpenssl, type DtlsClient } from '@cluster/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Scene } from '../src/scene.ts';

const PING = Buffer.from('40001234', 'hex');
const PSK = { mode: 'psk', identity: 'attacked', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;
const BYSTANDER = { mode: 'psk', identity: 'bystander', keyHex: '100102030405060708090a0b0c0d0e0f' } as const;

const scene = new Scene();
let bystander: DtlsClient;

beforeAll(async () => {
  await ensureOpenssl();
  await buildTlsAttacker();
  await scene.open({ env: { LWM2M_DTLS_HANDSHAKE_TIMEOUT_S: '2' } });
  for (const { identity, keyHex } of [PSK, BYSTANDER]) await scene.rest.setCredentials(identity, { psk: { identity, keyHex } });
  bystander = startOpenssl({ port: scene.server.coapsPort, security: BYSTANDER });
  expect(await bystander.handshake()).toMatchObject({ ok: true });
});
afterAll(async () => {
  await bystander?.close();
  await scene.close();
});

/** What the server counts. */
async function counted(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${scene.server.httpPort}/metrics`)).text();
  return Number(text.split('\n').find((line) => line.startsWith(`lwm2m_dtls_${name} `))?.split(' ')[1]);
}

async function expectUndisturbed(): Promise<void> {
  bystander.send(PING);
  await bystander.receive((data) => data.length >= 4);
  await expect.poll(() => counted('held{part="handshakes"}'), { timeout: 10_000 }).toBe(0);
  expect(await counted('held{part="handshakeBytes"}')).toBe(0);
}

it('shakes hands with an honest client', async () => {
  const { received, alert } = await attack('honest', scene.server.coapsPort, PSK);
  expect([received.includes('Finished'), alert]).toEqual([true, null]);
  await expectUndisturbed();
});

it.each(ATTACKS.filter((name) => name !== 'honest' && name !== 'renegotiation'))('lets nobody in by %s', async (name) => {
  const before = await counted('handshakes_total');
  const { received, alert } = await attack(name, scene.server.coapsPort, PSK);
  expect(received).not.toContain('Finished');
  // What is out of order, malformed or does not verify is told, if anything is: OMA Transport 1.1.1 §5.2.9, "retry".
  expect([null, 10, 40, 47, 50, 51]).toContain(alert);
  expect(await counted('handshakes_total')).toBe(before);
  await expectUndisturbed();
});

it('renegotiates with nobody', async () => {
  const { received, alert } = await attack('renegotiation', scene.server.coapsPort, PSK);
  expect(received.filter((message) => message === 'Finished')).toHaveLength(1);
  expect([null, 100]).toContain(alert);
  await expectUndisturbed();
});
