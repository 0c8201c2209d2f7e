/** Compliance of `subscribe`: groups share records, offsets follow the handler, nothing is skipped. */
import type { Topic } from '@cluster/contracts';
import type { EventPublisher } from '@cluster/events';
import { expect, test, vi } from 'vitest';
import { Inbox, byKey, record, textOf, type EventsHarness } from './events-harness.ts';

/** Registers the tests of groups. */
export function groupCompliance(harness: () => EventsHarness): void {
  test('a new group reads from the earliest record, later members from where it stands', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    await publisher.publish([record(topic, 'k', '1'), record(topic, 'k', '2')]);

    const first = await member(harness(), 'early', topic);
    await first.inbox.count(2);
    expect(first.inbox.texts).toEqual(['1', '2']);
    await first.close();

    await publisher.publish([record(topic, 'k', '3')]);
    const second = await member(harness(), 'early', topic);
    await second.inbox.count(1);
    expect(second.inbox.texts).toEqual(['3']);
    await Promise.all([second.close(), publisher.close()]);
  });

  test('members of one group share the records, another group gets all of them', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const [one, two, other] = await Promise.all([
      member(harness(), 'shared', topic), member(harness(), 'shared', topic), member(harness(), 'other', topic),
    ]);
    const rounds = await publishUntil(publisher, topic, () => one.inbox.records.length > 0 && two.inbox.records.length > 0);
    const last = await publishRound(publisher, topic, rounds);

    const ofLast = (inbox: Inbox): string[] => inbox.texts.filter((text) => last.includes(text));
    await other.inbox.until((inbox) => ofLast(inbox).length === last.length);
    await vi.waitFor(() => {
      expect([...ofLast(one.inbox), ...ofLast(two.inbox)].toSorted()).toEqual(last.toSorted());
    }, { timeout: 20_000 });
    await Promise.all([one.close(), two.close(), other.close(), publisher.close()]);
  });

  test('a batch whose handler rejects comes again, before anything later of its partition', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const consumer = await harness().consumer();
    const inbox = new Inbox();
    const failed: string[][] = [];
    await consumer.subscribe(`rejecting-${topic}`, [topic], async (records) => {
      if (failed.length < 2) {
        failed.push(records.map(textOf));
        throw new Error('not now');
      }
      await inbox.handler(records);
    });
    await publisher.publish([record(topic, 'k', '1')]);
    await publisher.publish([record(topic, 'k', '2')]);
    await inbox.count(2);
    expect(failed.map(([first]) => first)).toEqual(['1', '1']);
    expect(inbox.texts).toEqual(['1', '2']);
    await Promise.all([consumer.close(), publisher.close()]);
  });

  test('what a member had not finished when it closed goes to the next one', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    await publisher.publish([record(topic, 'k', 'undone')]);
    const consumer = await harness().consumer();
    const reached = Promise.withResolvers<void>();
    await consumer.subscribe('handover', [topic], async () => {
      reached.resolve();
      throw new Error('never');
    });
    await reached.promise;
    await consumer.close();

    const next = await member(harness(), 'handover', topic);
    await next.inbox.count(1);
    expect(byKey(next.inbox.records)).toEqual({ k: ['undone'] });
    await Promise.all([next.close(), publisher.close()]);
  });

  test('a handler that never resolves holds up its own group alone', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const consumer = await harness().consumer();
    const stuck = Promise.withResolvers<void>();
    await consumer.subscribe('stuck', [topic], () => stuck.promise);
    const free = await member(harness(), 'free', topic);
    await publisher.publish([record(topic, 'k', '1')]);
    await free.inbox.count(1);
    stuck.resolve();
    await Promise.all([consumer.close(), free.close(), publisher.close()]);
  });
}

/** One member with a consumer of its own; group names are made unique by the topic. */
async function member(harness: EventsHarness, group: string, topic: Topic): Promise<{ inbox: Inbox; close(): Promise<void> }> {
  const consumer = await harness.consumer();
  const inbox = new Inbox();
  await consumer.subscribe(`${group}-${topic}`, [topic], inbox.handler);
  return { inbox, close: () => consumer.close() };
}

async function publishUntil(publisher: EventPublisher, topic: Topic, done: () => boolean): Promise<number> {
  let round = 0;
  while (!done()) {
    await publishRound(publisher, topic, round++);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return round;
}

/** Twenty records with keys of their own; returns their values. */
async function publishRound(publisher: EventPublisher, topic: Topic, round: number): Promise<string[]> {
  const values = Array.from({ length: 20 }, (_, index) => `${round}.${index}`);
  await publisher.publish(values.map((value, index) => record(topic, `key-${index}`, value)));
  return values;
}
