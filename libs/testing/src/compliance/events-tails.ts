/** Compliance of `tail` and `ends`: lone readers that start at a position, at the end, or behind retention. */
import type { Topic } from '@cluster/contracts';
import { expect, test } from 'vitest';
import { Inbox, beginning, record, textOf, type EventsHarness } from './events-harness.ts';

/** Registers the tests of tails. */
export function tailCompliance(harness: () => EventsHarness): void {
  test('a tail from the end sees all that is published after it started, and nothing older', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    await publisher.publish(keyed(topic, 'old'));
    const consumer = await harness().consumer();
    const inbox = new Inbox();
    await consumer.tail([topic], {}, inbox.handler);
    await publisher.publish(keyed(topic, 'new'));
    await inbox.count(8);
    expect(inbox.texts.toSorted()).toEqual(keyed(topic, 'new').map(textOf).toSorted());
    await Promise.all([consumer.close(), publisher.close()]);
  });

  test('a tail goes on exactly where another ended', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    await publisher.publish(keyed(topic, 'seen'));
    const consumer = await harness().consumer();
    const positions = await consumer.ends([topic]);
    await publisher.publish(keyed(topic, 'next'));
    const inbox = new Inbox();
    await consumer.tail([topic], positions, inbox.handler);
    await inbox.count(8);
    expect(inbox.texts.toSorted()).toEqual(keyed(topic, 'next').map(textOf).toSorted());
    const ends = Object.values((await consumer.ends([topic]))[topic]!).map(Number);
    expect(ends.reduce((sum, end) => sum + end, 0)).toBe(16);
    await Promise.all([consumer.close(), publisher.close()]);
  });

  test('every tail gets every record', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const consumers = await Promise.all([harness().consumer(), harness().consumer()]);
    const inboxes = [new Inbox(), new Inbox()];
    await Promise.all(consumers.map((consumer, index) => consumer.tail([topic], {}, inboxes[index]!.handler)));
    await publisher.publish(keyed(topic, 'both'));
    await Promise.all(inboxes.map((inbox) => inbox.count(8)));
    await Promise.all([...consumers.map((consumer) => consumer.close()), publisher.close()]);
  });

  test('a position that retention has passed is told, and reading goes on at the earliest record left', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    await publisher.publish([record(topic, 'k', 'gone')]);
    await harness().expire(topic);
    await publisher.publish([record(topic, 'k', 'left')]);
    const consumer = await harness().consumer();
    const inbox = new Inbox();
    const passed: string[] = [];
    const told = (name: Topic, partition: number): void => void passed.push(`${name}/${partition}`);
    await consumer.tail([topic], await beginning(consumer, topic), inbox.handler, told);
    await inbox.count(1);
    expect(inbox.texts).toEqual(['left']);
    expect(passed).toEqual([`${topic}/${inbox.records[0]!.partition}`]);
    await Promise.all([consumer.close(), publisher.close()]);
  });

  test('a tail that retention overtakes is told, unless it had the records already, and reads on', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const consumer = await harness().consumer();
    const inbox = new Inbox();
    const passed: string[] = [];
    const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await consumer.tail([topic], {}, async (records) => {
      reached.resolve();
      await released.promise;
      await inbox.handler(records);
    }, (name) => void passed.push(name));
    await publisher.publish([record(topic, 'k', '1')]);
    await reached.promise;
    await publisher.publish([record(topic, 'k', '2')]);
    await harness().expire(topic);
    await publisher.publish([record(topic, 'k', '3')]);
    released.resolve();
    await inbox.until(({ texts }) => texts.includes('3'));
    expect(inbox.texts).toEqual(passed.length === 0 ? ['1', '2', '3'] : ['1', '3']);
    await Promise.all([consumer.close(), publisher.close()]);
  });

  test('a batch that a tail rejects comes again', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const consumer = await harness().consumer();
    const inbox = new Inbox();
    let rejected = 0;
    await consumer.tail([topic], {}, async (records) => {
      if (rejected++ === 0) throw new Error('not now');
      await inbox.handler(records);
    });
    await publisher.publish([record(topic, 'k', '1')]);
    await inbox.count(1);
    expect(inbox.texts).toEqual(['1']);
    await Promise.all([consumer.close(), publisher.close()]);
  });

  test('a closed subscription gets nothing more', async () => {
    const topic = await harness().topic();
    const publisher = await harness().publisher();
    const consumer = await harness().consumer();
    const [closed, open] = [new Inbox(), new Inbox()];
    const subscription = await consumer.tail([topic], {}, closed.handler);
    await consumer.tail([topic], {}, open.handler);
    await subscription.close();
    await publisher.publish([record(topic, 'k', '1')]);
    await open.count(1);
    expect(closed.records).toEqual([]);
    await Promise.all([consumer.close(), publisher.close()]);
  });
}

/** Eight records with keys of their own. */
function keyed(topic: Topic, text: string) {
  return Array.from({ length: 8 }, (_, index) => record(topic, `key-${index}`, `${text}-${index}`));
}
