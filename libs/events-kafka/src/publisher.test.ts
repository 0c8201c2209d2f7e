import { topics } from '@cluster/contracts';
import { EventsUnavailable, type EventRecord } from '@cluster/events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { QueueingPublisher, type PublisherLimits, type QueuedMessage } from './publisher.ts';
import type { RecordSender, Refusal } from './sender.ts';

/** A sender whose answers the test gives. */
class FakeSender implements RecordSender<QueuedMessage> {
  readonly sent: { texts: string[]; messages: readonly QueuedMessage[]; acknowledge: (refused?: QueuedMessage[], why?: Refusal) => void }[] = [];
  readonly missing = new Set<string>();
  connected = (): void => {};
  missingChanged = (): void => {};
  closed = false;

  send(messages: readonly QueuedMessage[]): Promise<ReadonlyMap<QueuedMessage, Refusal>> {
    const texts = messages.map(({ record }) => String(record.value));
    return new Promise((resolve) => {
      this.sent.push({ texts, messages, acknowledge: (refused = [], why = 'refused') => resolve(new Map(refused.map((message) => [message, why]))) });
    });
  }

  onConnected(listener: () => void): void {
    this.connected = listener;
  }

  onMissing(listener: () => void): void {
    this.missingChanged = listener;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

// Real immediates: they are the turn in which sockets were read.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

function open(limits?: PublisherLimits): { sender: FakeSender; publisher: QueueingPublisher } {
  const sender = new FakeSender();
  const publisher = new QueueingPublisher(sender, limits);
  sender.connected();
  return { sender, publisher };
}

const event = (text: string): EventRecord => ({ topic: topics.sends, key: 'k', headers: {}, value: Buffer.from(text) });
const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

/** The outcome of a publish as it stands: pending, done or the error's code. */
function watch(publish: Promise<void>): { outcome: string } {
  const state = { outcome: 'pending' };
  publish.then(() => (state.outcome = 'done'), (error: { code: string }) => (state.outcome = error.code));
  return state;
}

test('what comes in one tick goes in one request, what comes meanwhile in the next', async () => {
  const { sender, publisher } = open();
  const first = [watch(publisher.publish([event('1')])), watch(publisher.publish([event('2'), event('3')]))];
  await turn();
  const second = [watch(publisher.publish([event('4')])), watch(publisher.publish([event('5')]))];
  await turn();
  expect(sender.sent.map(({ texts }) => texts)).toEqual([['1', '2', '3']]);
  sender.sent[0]!.acknowledge();
  await turn();
  expect(sender.sent[1]!.texts).toEqual(['4', '5']);
  expect([...first, ...second].map(({ outcome }) => outcome)).toEqual(['done', 'done', 'pending', 'pending']);
});

test('a request holds at most 900 kB; a publish resolves with its last part', async () => {
  const { sender, publisher } = open();
  const publish = watch(publisher.publish(Array.from({ length: 3 }, () => event('x'.repeat(400_000)))));
  await turn();
  sender.sent[0]!.acknowledge();
  await turn();
  expect(publish.outcome).toBe('pending');
  sender.sent[1]!.acknowledge();
  await turn();
  expect(sender.sent.map(({ texts }) => texts.length)).toEqual([2, 1]);
  expect(publish.outcome).toBe('done');
});

test('without an acknowledgement a publish rejects in time; unsent records never go, the request in flight heals', async () => {
  const { sender, publisher } = open({ publishTimeoutMs: 1_000 });
  const changes: boolean[] = [];
  publisher.onAvailability((available) => changes.push(available));
  const inFlight = watch(publisher.publish([event('in flight')]));
  await vi.advanceTimersByTimeAsync(400);
  const queued = watch(publisher.publish([event('queued')]));
  await vi.advanceTimersByTimeAsync(599);
  expect(inFlight.outcome).toBe('pending');
  await vi.advanceTimersByTimeAsync(1);
  expect([inFlight.outcome, queued.outcome, publisher.available]).toEqual(['EVENTS_UNAVAILABLE', 'pending', false]);
  await expect(publisher.publish([event('refused')])).rejects.toBeInstanceOf(EventsUnavailable);
  await vi.advanceTimersByTimeAsync(400);
  expect(queued.outcome).toBe('EVENTS_UNAVAILABLE');

  sender.sent[0]!.acknowledge();
  await turn();
  expect([publisher.available, changes, sender.sent.length]).toEqual([true, [false, true], 1]);
  const after = watch(publisher.publish([event('after')]));
  await turn();
  expect(sender.sent[1]!.texts).toEqual(['after']);
  sender.sent[1]!.acknowledge();
  await turn();
  expect(after.outcome).toBe('done');
});

test('a publish that the broker acknowledges after another was rejected resolves', async () => {
  const { sender, publisher } = open({ publishTimeoutMs: 1_000 });
  watch(publisher.publish([event('late')]));
  await vi.advanceTimersByTimeAsync(900);
  const young = watch(publisher.publish([event('young')]));
  await vi.advanceTimersByTimeAsync(200);
  sender.sent[0]!.acknowledge();
  await turn();
  sender.sent[1]!.acknowledge();
  await turn();
  expect([young.outcome, publisher.available]).toEqual(['done', true]);
});

test('the buffer is bounded, and free again after acknowledgement or rejection', async () => {
  const { sender, publisher } = open({ maxBufferedBytes: 1_000, publishTimeoutMs: 1_000 });
  const publish = (): Promise<void> => publisher.publish([event('x'.repeat(600))]);
  const first = watch(publish());
  await expect(publish()).rejects.toMatchObject({ code: 'EVENTS_UNAVAILABLE', message: /buffer is full/ });
  expect(publisher.available).toBe(true);
  await turn();
  sender.sent[0]!.acknowledge();
  await turn();
  const second = watch(publish());
  await vi.advanceTimersByTimeAsync(1_000);
  expect([first.outcome, second.outcome]).toEqual(['done', 'EVENTS_UNAVAILABLE']);
  sender.sent[1]!.acknowledge();
  await turn();
  const third = watch(publish());
  await turn();
  expect(third.outcome).toBe('pending');
});

test('what waited and was rejected takes no room', async () => {
  const { publisher } = open({ maxBufferedBytes: 1_000, publishTimeoutMs: 1_000 });
  watch(publisher.publish([event('x'.repeat(100))]));
  await turn();
  watch(publisher.publish([event('x'.repeat(800))]));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(publisher.bufferedBytes).toBe(101);
});

test('an event that the broker refuses for good rejects its publish alone', async () => {
  const { sender, publisher } = open();
  const [good, bad] = [watch(publisher.publish([event('good')])), watch(publisher.publish([event('bad')]))];
  await turn();
  sender.sent[0]!.acknowledge([sender.sent[0]!.messages[1]!]);
  await turn();
  expect([good.outcome, bad.outcome, publisher.available]).toEqual(['done', 'EVENTS_UNAVAILABLE', true]);
});

test('an event whose topic is missing rejects its publish alone; who listens hears of it', async () => {
  const { sender, publisher } = open();
  const heard: [boolean, string[]][] = [];
  publisher.onAvailability((available) => heard.push([available, [...publisher.missing]]));
  const publishes = [watch(publisher.publish([event('lost')])), watch(publisher.publish([event('kept')]))];
  await turn();
  sender.missing.add(topics.sends);
  sender.missingChanged();
  sender.sent[0]!.acknowledge([sender.sent[0]!.messages[0]!], 'missing');
  await turn();
  expect([...publishes.map(({ outcome }) => outcome), publisher.available]).toEqual(['EVENTS_UNAVAILABLE', 'done', true]);
  expect(heard).toEqual([[true, [topics.sends]]]);
});

test('before the first connection nothing is taken; a reconnection does not outrun an overdue request', async () => {
  const sender = new FakeSender();
  const publisher = new QueueingPublisher(sender, { publishTimeoutMs: 1_000 });
  await expect(publisher.publish([event('early')])).rejects.toBeInstanceOf(EventsUnavailable);
  sender.connected();
  expect(publisher.available).toBe(true);
  watch(publisher.publish([event('overdue')]));
  await vi.advanceTimersByTimeAsync(1_000);
  sender.connected();
  expect(publisher.available).toBe(false);
});

test('close waits for what is buffered, at most for the publish timeout', async () => {
  const { sender, publisher } = open({ publishTimeoutMs: 1_000 });
  const publish = watch(publisher.publish([event('last')]));
  const closed = watch(publisher.close());
  await vi.advanceTimersByTimeAsync(999);
  expect([closed.outcome, sender.closed]).toEqual(['pending', false]);
  await vi.advanceTimersByTimeAsync(1);
  expect([publish.outcome, closed.outcome, sender.closed]).toEqual(['EVENTS_UNAVAILABLE', 'done', true]);
});
