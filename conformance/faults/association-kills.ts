/**
 * Edges are killed under devices with DTLS associations: no device shakes hands again, what was acknowledged is told, and no
 * nonce is used twice. In between Redis is frozen for a while, and devices change their addresses. The devices are pion/dtls, behind a balancer or a NAT that gives a
 * worker's own new flow another source.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { topics } from '@cluster/contracts';
import { fleetCredentials, PionFleet, startKafka, startRedis, type KafkaHandle, type RedisHandle } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readRecords } from '../src/kafka-records.ts';
import { brokersOf, Member } from '../src/member.ts';
import { secretFile } from '../src/server.ts';
import { openBalancer, openNat, type Way } from './ways.ts';

export interface KillSettings {
  readonly devices: number;
  readonly edges: number;
  /** How long edges are killed. */
  readonly forS: number;
  /** Between two notifications of a device. */
  readonly notifyS: number;
  /** Between two kills. */
  readonly everyS: number;
  /** Devices live behind a real NAT, in a network namespace; needs root. */
  readonly nat?: boolean;
}

const PATH = '/3303/0/5700';
const PROVISIONED_AT_ONCE = 20;
const SETUP_MS = 900_000;
const FROZEN_MS = 3_000;

/** Carries out the test with so many devices, edges and kills. */
export function associationKills({ devices, edges: edgeCount, forS, notifyS, everyS, nat = false }: KillSettings): void {
  const names = { count: devices, keySeed: 'outlive your worker' };
  let directory: string;
  let redis: RedisHandle;
  let kafka: KafkaHandle;
  let edges: Member[];
  let registry: Member;
  let way: Way;
  let fleet: PionFleet;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'association-kills-'));
    [redis, kafka] = await Promise.all([startRedis(), startKafka()]);
    const env = { ...brokersOf(redis.urls, kafka.brokers), LWM2M_SECRET_KEY_FILE: await secretFile(directory) };
    way = await (nat ? openNat() : openBalancer());
    registry = await Member.start('registry', env);
    edges = await Promise.all(Array.from({ length: edgeCount }, () => Member.start('edge', { ...env, LWM2M_BIND: way.bind })));
    await way.setEdges(edges.map(({ coapsPort }) => coapsPort));
    await provision();
    fleet = await PionFleet.open({
      ...names, ...(way.port === undefined ? {} : { port: way.port }), cidLength: 8, notifyS, updateS: 30, path: PATH, giveUpAfter: 4,
      ledgerFile: join(directory, 'ledger'), nonceFile: join(directory, 'nonces'),
    }, way.network);
  }, SETUP_MS);
  afterAll(async () => {
    await fleet?.stop();
    await way?.close();
    await Promise.all([registry, ...(edges ?? [])].map((member) => member?.remove()));
    await Promise.all([redis?.stop(), kafka?.stop()]);
    await rm(directory, { recursive: true, force: true });
  });

  async function provision(): Promise<void> {
    const left = fleetCredentials(names);
    const provisionNext = async (): Promise<void> => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) {
        await registry.rest.setCredentials(one.endpoint, { psk: { identity: one.identity, keyHex: one.keyHex } });
      }
    };
    await Promise.all(Array.from({ length: PROVISIONED_AT_ONCE }, provisionNext));
    await registry.rest.putTemplate('fleet', { match: { endpointPattern: 'fleet-*' }, observations: [{ path: PATH }] });
  }

  /** One edge after the other goes, by turns without a word and in order, and comes back; flows move among those that are left. */
  async function killInTurns(): Promise<number> {
    const endMs = performance.now() + forS * 1_000;
    let kills = 0;
    while (performance.now() < endMs) {
      const victim = edges[kills % edges.length]!;
      const others = edges.filter((edge) => edge !== victim);
      await (kills % 3 === 2 ? victim.stop() : victim.kill());
      kills++;
      await way.setEdges(others.map(({ coapsPort }) => coapsPort));
      await pause(everyS * 500);
      await victim.restart();
      await way.setEdges(edges.map(({ coapsPort }) => coapsPort));
      await way.shuffle();
      await pause(everyS * 500);
      if (kills === 2) await freezeRedis();
      else await fleet.rebind({ count: Math.ceil(devices / 4) });
    }
    return kills;
  }

  /** Longer than a command may take: workers lose what they could not store, and take it over again. */
  async function freezeRedis(): Promise<void> {
    redis.pause();
    await pause(FROZEN_MS);
    redis.resume();
  }

  it(`${devices} devices keep their associations while ${edgeCount} edges are killed for ${forS} s${nat ? ', behind a NAT' : ''}`, async () => {
    await fleet.start(600_000);
    await vi.waitFor(async () => expect((await fleet.report()).totals.observed).toBe(devices), { timeout: 120_000, interval: 500 });
    const before = await fleet.report();
    const stored = await storedBytes(redis.urls[0]!);
    const kills = await killInTurns();
    fleet.pause();
    await vi.waitFor(async () => expect((await fleet.report()).registered).toBe(devices), { timeout: 120_000, interval: 500 });
    const { totals, acknowledgedMs } = await fleet.report();
    const ledger = await fleet.ledger();
    const nonces = await fleet.nonces();
    const told = await toldValues(kafka.brokers);
    const lost = ledger.filter(({ endpoint, value }) => !told.has(`${endpoint} ${value}`));
    console.log(`${kills} kills under ${devices} devices: ${totals.handshakes} handshakes (${before.totals.handshakes} before the first kill), `
      + `${totals.registers} Registers, ${ledger.length} notifications acknowledged, ${lost.length} of them lost, ${nonces.records} records received, `
      + `${nonces.repeated.length} nonces repeated, ${totals.replayed} refused as replayed, ${totals.undecryptable} undecryptable, `
      + `${totals.rebinds} changes of address, ${totals.repeated} repetitions, ${totals.timeouts} exchanges unanswered, acknowledged after p50 ${acknowledgedMs.p50} p99 ${acknowledgedMs.p99} max ${acknowledgedMs.max} ms, `
      + `${way.strays() ?? '?'} datagrams outside their flow, ${stored} bytes of Redis an association`);
    expect(lost).toEqual([]);
    expect(nonces.repeated).toEqual([]);
    expect(totals).toMatchObject({ handshakes: devices, handshakesFailed: 0, registers: devices, sessionsEnded: 0, sessionsGivenUp: 0, updatesNotFound: 0 });
    expect(ledger.length).toBeGreaterThan(devices);
  }, (forS + 600) * 1_000);
}

/** Endpoint and value of each notification that Kafka holds. */
async function toldValues(brokers: readonly string[]): Promise<Set<string>> {
  const records = await readRecords(brokers, [topics.notifications]);
  return new Set(records.flatMap(({ key, data }) => ((data['values'] ?? []) as { value: unknown }[]).map(({ value }) => `${key} ${String(value)}`)));
}

/** Memory of one association: its sealed keys, and what moves of it. */
async function storedBytes(redisUrl: string): Promise<number> {
  const cli = async (...words: string[]): Promise<string> => (await promisify(execFile)('redis-cli', ['-u', redisUrl, ...words], { maxBuffer: 64 << 20 })).stdout.trim();
  const names = (await cli('--scan', '--pattern', '*')).split('\n');
  const one = (pattern: RegExp): string => names.find((name) => pattern.test(name)) ?? '';
  const sizes = await Promise.all([one(/:x:[\w-]{19}$/), one(/:y:\{/)].map((name) => cli('memory', 'usage', name)));
  return sizes.reduce((sum, size) => sum + Number(size), 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
