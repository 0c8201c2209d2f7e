/**
 * A credential is revoked, and no message tells of it: Redis refuses to carry the registry's doorbells. Live associations
 * end on every worker all the same, and neither a ticket nor a session id opens a new one anywhere.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureOpenssl, startOpenssl, startRedis, useKafka, type DtlsClient, type RedisHandle } from '@cluster/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { brokersOf, Member } from '../src/member.ts';
import { secretFile } from '../src/server.ts';

const PING = Buffer.from('40001234', 'hex');
/** What the promise allows, and what a busy machine adds. */
const PROMISED_MS = 10_000;
const SLOW_MACHINE_MS = 10_000;

let directory: string;
let redis: RedisHandle;
let members: Member[];

beforeAll(async () => {
  await ensureOpenssl();
  directory = await mkdtemp(join(tmpdir(), 'revocation-'));
  redis = await startRedis({ config: ['user mute on >mute ~* &* +@all -publish -spublish'] });
  const kafka = await useKafka();
  const secret = { LWM2M_SECRET_KEY_FILE: await secretFile(directory) };
  const mute = redis.urls.map((url) => url.replace('redis://', 'redis://mute:mute@'));
  members = [];
  for (let i = 0; i < 2; i++) members.push(await Member.start('edge', { ...brokersOf(redis.urls, kafka), ...secret }));
  members.push(await Member.start('registry', { ...brokersOf(mute, kafka), ...secret }));
});
afterAll(async () => {
  await Promise.all(members.map((member) => member.remove()));
  await redis.stop();
  await rm(directory, { recursive: true });
});

const keyOf = (endpoint: string): string => Buffer.from(endpoint.padEnd(16, '.')).toString('hex');

function start(edge: number, endpoint: string, options: Partial<Parameters<typeof startOpenssl>[0]> = {}): DtlsClient {
  return startOpenssl({ port: members[edge]!.coapsPort, security: { mode: 'psk', identity: endpoint, keyHex: keyOf(endpoint) }, ...options });
}

async function live(edge: number, endpoint: string): Promise<DtlsClient> {
  const client = start(edge, endpoint);
  expect(await client.handshake()).toMatchObject({ ok: true });
  client.send(PING);
  await client.receive((data) => data.length >= 4);
  return client;
}

it('a revocation that nobody hears of ends what lives on every worker, tickets and session ids included (row B37)', async () => {
  const { rest } = members[2]!;
  const endpoints = ['live-a', 'live-b', 'by-ticket', 'by-session-id'];
  for (const endpoint of endpoints) await rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: keyOf(endpoint) } });
  const clients = [await live(0, 'live-a'), await live(1, 'live-b')];
  const sleeping = [{ endpoint: 'by-ticket', tickets: true }, { endpoint: 'by-session-id', tickets: false }];
  for (const { endpoint, tickets } of sleeping) {
    const keepSession = join(directory, endpoint);
    const first = start(0, endpoint, { tickets, keepSession });
    expect(await first.handshake()).toMatchObject({ ok: true, resumed: false });
    await first.close();
    const again = start(1, endpoint, { tickets, resumeSession: keepSession });
    expect(await again.handshake()).toMatchObject({ ok: true, resumed: true });
    await again.close();
  }

  const revokedAtMs = performance.now();
  for (const endpoint of endpoints) await rest.revoke(endpoint);
  for (const client of clients) expect(await client.ended()).toEqual({ alert: 49 });
  expect(performance.now() - revokedAtMs).toBeLessThan(PROMISED_MS + SLOW_MACHINE_MS);
  for (const { endpoint, tickets } of sleeping) {
    for (const edge of [0, 1]) {
      // The key may still be known for as long as the promise allows; what comes of it ends, and no session is resumed.
      for (let handshake = { ok: true }; handshake.ok; ) {
        const client = start(edge, endpoint, { tickets, resumeSession: join(directory, endpoint) });
        handshake = await client.handshake();
        expect(handshake).toMatchObject(handshake.ok ? { resumed: false } : { alert: 115 });
        if (handshake.ok) expect(await client.ended()).toEqual({ alert: 49 });
      }
    }
  }
  expect(performance.now() - revokedAtMs).toBeLessThan(2 * (PROMISED_MS + SLOW_MACHINE_MS));
});
