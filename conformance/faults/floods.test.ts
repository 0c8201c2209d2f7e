/** Floods of hostile and of merely many datagrams: a running edge goes on serving, and its memory stays where it was. */
import { Code } from '@cluster/coap';
import { useBrokers } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { brokersOf, Member } from '../src/member.ts';
import { RawPeer } from '../src/raw-peer.ts';
import { mutate, seeded, seedsOf } from './datagrams.ts';
import { LoneDevice } from './lone-device.ts';

const MEBIBYTE = 1_048_576;
const CACHE_SESSIONS = 2_000;
const PATIENCE = { timeout: 30_000, interval: 200 };

describe('floods', () => {
  let edge: Member;
  let device: LoneDevice;

  beforeAll(async () => {
    const { redisUrls, kafkaBrokers } = await useBrokers();
    edge = await Member.start('edge', { ...brokersOf(redisUrls, kafkaBrokers), LWM2M_CACHE_SESSIONS: String(CACHE_SESSIONS) });
    device = await LoneDevice.open('flooded', edge.coapPort);
    expect(await device.register()).toMatchObject({ code: '2.01' });
  });
  afterAll(async () => {
    device.close();
    await edge.remove();
  });

  /** What is held, once nothing is under way. */
  async function memory(): Promise<{ heap: number; rss: number }> {
    await vi.waitFor(async () => expect(await edge.metric('lwm2m_devices_busy')).toBe(0), PATIENCE);
    return { heap: await edge.heldBytes(), rss: await edge.metric('process_resident_memory_bytes') };
  }

  /** Sends in groups, and each group only when the edge has taken the one before. */
  async function flood(peers: readonly RawPeer[], count: number, next: () => Uint8Array): Promise<void> {
    const GROUP = 250;
    for (let sent = 0; sent < count; sent += GROUP) {
      const peer = peers[(sent / GROUP) % peers.length]!;
      for (let i = 0; i < GROUP; i++) void peer.send(edge.coapPort, next());
      expect(await peer.ping(edge.coapPort, 20_000)).toBe(true);
      peer.received.length = 0;
    }
  }

  it('of 100,000 mutated datagrams leave it serving, with what it had', async () => {
    const draw = seeded(7252);
    const seeds = seedsOf(device.location);
    const peers = await Promise.all(Array.from({ length: 8 }, () => RawPeer.open()));
    const next = () => mutate(draw, seeds);
    await flood(peers, 40_000, next);
    const before = await memory();
    await flood(peers, 60_000, next);
    const after = await memory();
    for (const peer of peers) peer.close();
    expect(await device.update()).toMatchObject({ code: '2.04' });
    expect(after.heap - before.heap).toBeLessThan(8 * MEBIBYTE);
    expect(after.rss - before.rss).toBeLessThan(64 * MEBIBYTE);
    expect(await edge.metric('lwm2m_udp_datagrams_total', 'direction="in"')).toBeGreaterThan(99_000);
    expect(await edge.metric('lwm2m_coap_malformed_total')).toBeGreaterThan(10_000);
    expect(await edge.metric('lwm2m_edge_failures_total')).toBe(0);
    expect(await edge.log()).not.toMatch(/unhandled|uncaught|TypeError|RangeError|failed/i);
  }, 180_000);

  it('of 20,000 Registers with invented names and addresses keep no more sessions in memory than it may', async () => {
    const registers = async (first: number, count: number) => {
      for (let i = first; i < first + count; i += 200) {
        await Promise.all(Array.from({ length: 200 }, (_, k) => registerOnce(edge.coapPort, i + k)));
      }
    };
    await registers(0, 10_000);
    const before = await memory();
    await registers(10_000, 10_000);
    const after = await memory();
    expect(await edge.metric('lwm2m_sessions_held')).toBeLessThanOrEqual(CACHE_SESSIONS);
    expect(after.heap - before.heap).toBeLessThan(16 * MEBIBYTE);
    expect(after.rss - before.rss).toBeLessThan(96 * MEBIBYTE);
    expect(await device.update()).toMatchObject({ code: '2.04' });
    expect(await edge.log()).not.toMatch(/unhandled|uncaught|failed/i);
  }, 180_000);
});

/** A device that nobody heard of, from an address and a port of its own. */
async function registerOnce(port: number, index: number): Promise<void> {
  const peer = await RawPeer.open(`127.1.${index >> 8}.${index & 0xff}`);
  const query = [`ep=invented-${process.pid}-${index}`, 'lt=60', 'lwm2m=1.1'];
  const request = { code: Code.POST, path: ['rd'], query, payload: '</1/0>,</3/0>', contentFormat: 40, messageId: 1 };
  const answer = await peer.request(port, request, 20_000);
  peer.close();
  expect(answer?.code).toMatch(/2\.01|5\.03/);
}
