import { register, type SessionRecord } from '@cluster/session';
import { describe, expect, it } from 'vitest';
import { ByteMeter } from './byte-meter.ts';
import type { WorkerClock } from '@cluster/coap-kit';
import type { Held } from './held-sessions.ts';

const DAY_MS = 86_400_000;
const PEER = 'udp:127.0.0.1:5001';
let nowMs = 20_000 * DAY_MS + 1_000;
const clock = { storeMs: () => nowMs } as WorkerClock;

const registration = {
  endpoint: 'e', lifetimeS: 300, lwm2mVersion: '1.1' as const, binding: 'U', queueMode: false, attributes: {}, rootPath: '/',
  objectLinks: [], contentFormats: [],
};
const arrival = {
  worker: 'w1', nowMs, peer: PEER, identity: 'nosec', messageId: 7, maxTransmitWaitMs: 93_000, sequence: 1,
  locationId: 'AAAAAAAABBBBBBBB', code: 0x41,
};

function device(maxBytesPerDay?: number, usage?: SessionRecord['usage'], peer = PEER): Held {
  const profile = { labels: {}, settings: maxBytesPerDay === undefined ? {} : { maxBytesPerDay } };
  const record = { ...register(undefined, registration, { ...arrival, peer }), profile, ...(usage === undefined ? {} : { usage }) };
  return { number: 'AAAAAAAA', record } as Held;
}
const bytes = (length: number, peer = PEER) => [{ peer, bytes: new Uint8Array(length) }];

describe('the byte quota of a device', () => {
  it('counts both directions, and is spent when the day has seen that many', () => {
    const meter = new ByteMeter(clock, 10);
    const held = device(100);
    meter.count(bytes(50), 'in');
    meter.heard(held);
    meter.count(bytes(60), 'in');
    expect(meter.spent(held)).toBe(false);
    meter.count(bytes(40), 'out');
    meter.count(bytes(1_000, 'udp:127.0.0.1:9'), 'in');
    expect(meter.spent(held)).toBe(true);
    expect(meter.stamped(held.record, held).usage).toEqual({ day: 20_000, bytes: 100 });
  });

  it('goes on from what another worker stored, on another path too, and begins anew each UTC day', () => {
    const meter = new ByteMeter(clock, 10);
    const held = device(100, { day: 20_000, bytes: 90 });
    meter.heard(held);
    meter.count(bytes(5), 'in');
    const moved = device(100, { day: 20_000, bytes: 90 }, 'udp:127.0.0.1:5002');
    meter.heard(moved);
    meter.count(bytes(5), 'in');
    expect(meter.spent(moved)).toBe(false);
    meter.count(bytes(5, 'udp:127.0.0.1:5002'), 'in');
    expect(meter.spent(moved)).toBe(true);
    nowMs += DAY_MS;
    expect(meter.spent(moved)).toBe(false);
    expect(meter.stamped(moved.record, moved).usage).toEqual({ day: 20_000, bytes: 90 });
    meter.count(bytes(7, 'udp:127.0.0.1:5002'), 'in');
    expect(meter.stamped(moved.record, moved).usage).toEqual({ day: 20_001, bytes: 7 });
    nowMs -= DAY_MS;
  });

  it('counts what security adds on either way', () => {
    const meter = new ByteMeter(clock, 10, (peer, way) => (peer === PEER ? { in: 44, out: 29 }[way] : 0));
    const held = device(1_000);
    meter.heard(held);
    meter.count(bytes(100), 'in');
    meter.count(bytes(10), 'out');
    expect(meter.stamped(held.record, held).usage).toEqual({ day: 20_000, bytes: 183 });
  });

  it('is not counted for devices that have none; 0 lets nothing go', () => {
    const meter = new ByteMeter(clock, 10);
    const free = device();
    meter.heard(free);
    meter.count(bytes(1_000_000), 'in');
    expect(meter.spent(free)).toBe(false);
    expect(meter.stamped(free.record, free)).toBe(free.record);
    expect(meter.spent(device(0))).toBe(true);
  });

  it('holds as many devices as it was told at most', () => {
    const meter = new ByteMeter(clock, 2);
    for (const name of ['a', 'b', 'c']) meter.heard({ ...device(100, undefined, `udp:127.0.0.1:${name}`), number: name } as Held);
    meter.count(bytes(500, 'udp:127.0.0.1:a'), 'in');
    meter.count(bytes(500, 'udp:127.0.0.1:c'), 'in');
    const of = (name: string) => ({ ...device(100, undefined, `udp:127.0.0.1:${name}`), number: name }) as Held;
    expect(meter.spent(of('a'))).toBe(false);
    expect(meter.spent(of('c'))).toBe(true);
  });
});
