/** The suite that every adapter of the event ports must pass: publishing, groups, tails, durability. */
import { EventTooLarge, EventsUnavailable, MAX_RECORD_BYTES } from '@cluster/events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { groupCompliance } from './events-groups.ts';
import { byKey, readFromStart, record, type EventsHarness } from './events-harness.ts';
import { tailCompliance } from './events-tails.ts';

const TIMEOUT_MS = 60_000;

/** Runs the suite against the adapter that `open` gives. */
export function eventsCompliance(name: string, open: () => Promise<EventsHarness>): void {
  describe(`${name}: the event ports`, { timeout: TIMEOUT_MS }, () => {
    let harness: EventsHarness;
    beforeAll(async () => {
      harness = await open();
    }, TIMEOUT_MS);
    afterAll(() => harness.close(), TIMEOUT_MS);

    publisherCompliance(() => harness);
    groupCompliance(() => harness);
    tailCompliance(() => harness);
    restartCompliance(() => harness);
  });
}

function publisherCompliance(harness: () => EventsHarness): void {
  test('overlapping publishes arrive once each, in order for each key', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const keys = Array.from({ length: 10 }, (_, index) => `device-${index}`);
    const rounds = Array.from({ length: 30 }, (_, round) => keys.map((key) => record(topic, key, String(round))));
    await Promise.all(rounds.map((round) => publisher.publish(round)));
    const order = rounds.map((_, round) => String(round));
    expect(byKey(await readFromStart(harness(), topic, 300))).toEqual(Object.fromEntries(keys.map((key) => [key, order])));
    await publisher.close();
  });

  test('keys, headers and binary values arrive as they were', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const headers = { ce_id: 'id-1', ce_subject: 'urn:dev:größe', 'content-type': 'application/cbor' };
    await publisher.publish([
      { topic, key: 'größe', headers, value: bytes.subarray(1) },
      { topic, key: 'größe', headers: {}, value: new Uint8Array() },
    ]);
    const [first, second] = await readFromStart(harness(), topic, 2);
    expect(first).toMatchObject({ topic, key: 'größe', headers });
    expect([...first!.value]).toEqual([...bytes.subarray(1)]);
    expect(second).toMatchObject({ headers: {}, offset: String(Number(first!.offset) + 1) });
    expect(second!.value).toHaveLength(0);
    await publisher.close();
  });

  test('one batch may go to several topics', async () => {
    const topics = [await harness().topic(), await harness().topic()];
    const publisher = await harness().publisher();
    await publisher.publish(topics.map((topic) => record(topic, 'k', topic)));
    for (const topic of topics) expect(byKey(await readFromStart(harness(), topic, 1))).toEqual({ k: [topic] });
    await publisher.close();
  });

  test('a record of the largest size is taken, a larger one is refused and harms nothing', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const sized = (bytes: number) => ({ topic, key: 'k', headers: {}, value: new Uint8Array(bytes - 1) });
    await expect(publisher.publish([sized(MAX_RECORD_BYTES + 1)])).rejects.toBeInstanceOf(EventTooLarge);
    await Promise.all([publisher.publish([sized(MAX_RECORD_BYTES)]), publisher.publish([sized(MAX_RECORD_BYTES)])]);
    expect(await readFromStart(harness(), topic, 2)).toHaveLength(2);
    expect(publisher.available).toBe(true);
    await publisher.close();
  });

  test('close sends what is buffered; nothing is taken after it', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const published = publisher.publish([record(topic, 'k', 'last')]);
    await publisher.close();
    await expect(published).resolves.toBeUndefined();
    await expect(publisher.publish([record(topic, 'k', 'late')])).rejects.toBeInstanceOf(EventsUnavailable);
    expect(byKey(await readFromStart(harness(), topic, 1))).toEqual({ k: ['last'] });
  });

  test('an empty batch is published at once', async () => {
    const publisher = await harness().publisher();
    await expect(publisher.publish([])).resolves.toBeUndefined();
    await publisher.close();
  });
}

function restartCompliance(harness: () => EventsHarness): void {
  test('what was acknowledged is there after a restart, and goes on from there', async () => {
    const topic = await harness().topic();
    const before = await harness().publisher();
    await before.publish([record(topic, 'k', 'before')]);
    await before.close();
    await harness().restart();
    const after = await harness().publisher();
    await after.publish([record(topic, 'k', 'after')]);
    await after.close();
    expect(byKey(await readFromStart(harness(), topic, 2))).toEqual({ k: ['before', 'after'] });
  });
}
