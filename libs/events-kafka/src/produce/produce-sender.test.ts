/** Answers that a real broker gives rarely, played by a peer that speaks just enough of the protocol. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { topics } from '@cluster/contracts';
import { afterEach, expect, test } from 'vitest';
import { partitionOf } from '../partition.ts';
import type { OutgoingMessage } from '../sender.ts';
import { ProduceSender } from './produce-sender.ts';

const TOPIC = topics.sends;
const PARTITIONS = 2;
const [KEY_0, KEY_1] = [keyOf(0), keyOf(1)];

function keyOf(partition: number): string {
  return Array.from({ length: 64 }, (_, i) => `key-${i}`).find((key) => partitionOf(key, PARTITIONS) === partition)!;
}

/** A batch as it came: producer id, partition, sequence number, how many records. */
type Came = [producer: number, partition: number, sequence: number, records: number];

/** What to do with a produce request: an error code for each of its partitions, or no answer and the end of the connection. */
type Answer = number | 'hang-up' | 'garbage';

class Peer {
  readonly came: Came[] = [];
  answers: Answer[] = [];
  producers = 0;
  readonly #server: Server;

  static async open(): Promise<Peer> {
    const peer = new Peer();
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        this.#answer(socket, received.subarray(4, end));
        received = received.subarray(end);
      }
    });
  }

  #answer(socket: Socket, request: Buffer): void {
    const respond = (...parts: Buffer[]): void => {
      const body = Buffer.concat([request.subarray(4, 8), ...parts]);
      socket.write(Buffer.concat([int32(body.length), body]));
    };
    const body = request.subarray(10 + request.readInt16BE(8));
    const key = request.readInt16BE(0);
    if (key === 3) respond(this.#metadata());
    else if (key === 22) respond(int32(0), int16(0), int64(++this.producers), int16(0));
    else this.#produce(body, socket, respond);
  }

  #metadata(): Buffer {
    const partition = (index: number): Buffer => Buffer.concat([int16(0), int32(index), int32(1), int32(0), int32(0)]);
    return Buffer.concat([
      int32(0), int32(1), int32(1), string('127.0.0.1'), int32(this.port), int16(-1), int16(-1), int32(1),
      int32(1), int16(0), string(TOPIC), Buffer.of(0), int32(PARTITIONS), partition(0), partition(1),
    ]);
  }

  #produce(body: Buffer, socket: Socket, respond: (...parts: Buffer[]) => void): void {
    const partitions: number[] = [];
    let at = 2 + 2 + 4 + 4 + 2 + TOPIC.length;
    for (let left = body.readInt32BE(at), next = at + 4; left > 0; left--) {
      at = next;
      const batch = body.subarray(at + 8);
      partitions.push(body.readInt32BE(at));
      this.came.push([Number(batch.readBigInt64BE(43)), partitions.at(-1)!, batch.readInt32BE(53), batch.readInt32BE(57)]);
      next = at + 8 + body.readInt32BE(at + 4);
    }
    const answer = this.answers.shift() ?? 0;
    if (answer === 'hang-up') return void socket.destroy();
    if (answer === 'garbage') return respond(int32(7));
    const answered = partitions.map((partition) => Buffer.concat([int32(partition), int16(answer), Buffer.alloc(24)]));
    respond(int32(1), string(TOPIC), int32(partitions.length), ...answered, int32(0));
  }
}

const int16 = (value: number): Buffer => Buffer.from([value >> 8, value]);
const int32 = (value: number): Buffer => Buffer.concat([int16(value >> 16), int16(value)]);
const int64 = (value: number): Buffer => Buffer.concat([int32(0), int32(value)]);
const string = (text: string): Buffer => Buffer.concat([int16(text.length), Buffer.from(text)]);

let peer: Peer | undefined;
let sender: ProduceSender<OutgoingMessage> | undefined;
afterEach(async () => {
  await sender?.close();
  peer?.close();
});

async function open(...answers: Answer[]): Promise<{ peer: Peer; sender: ProduceSender<OutgoingMessage> }> {
  peer = await Peer.open();
  peer.answers = answers;
  sender = new ProduceSender({ brokers: [`127.0.0.1:${peer.port}`], clientId: 'test' });
  return { peer, sender };
}

const message = (key: string): OutgoingMessage => ({ record: { topic: TOPIC, key, headers: {}, value: Buffer.from('v') }, size: 1 });

test('sequence numbers count the records of each partition', async () => {
  const { peer, sender } = await open();
  await sender.send([message(KEY_0), message(KEY_1), message(KEY_0)]);
  await sender.send([message(KEY_0), message(KEY_1)]);
  expect(peer.came).toEqual([[1, 0, 0, 2], [1, 1, 0, 1], [1, 0, 2, 1], [1, 1, 1, 1]]);
});

test.each<[string, Answer]>([
  ['a partition without a leader', 5], ['a leader that is none any more', 6], ['replicas that do not follow', 19],
  ['a code that nobody knows', 4_711], ['a connection that ends', 'hang-up'], ['an answer that can not be read', 'garbage'],
])('%s: the same batch again, with the same number', async (_name, answer) => {
  const { peer, sender } = await open(0, answer);
  await sender.send([message(KEY_0)]);
  await sender.send([message(KEY_0), message(KEY_0)]);
  await sender.send([message(KEY_0)]);
  expect(peer.came).toEqual([[1, 0, 0, 1], [1, 0, 1, 2], [1, 0, 1, 2], [1, 0, 3, 1]]);
});

test('a batch that is there already is stored', async () => {
  const { peer, sender } = await open('hang-up', 46);
  expect(await sender.send([message(KEY_0)])).toEqual(new Map());
  await sender.send([message(KEY_0)]);
  expect(peer.came).toEqual([[1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 1, 1]]);
});

test('a broker that has forgotten the producer gets a new one, for all partitions', async () => {
  const { peer, sender } = await open(0, 59);
  await sender.send([message(KEY_0), message(KEY_1)]);
  await sender.send([message(KEY_0)]);
  await sender.send([message(KEY_1)]);
  expect(peer.came).toEqual([[1, 0, 0, 1], [1, 1, 0, 1], [1, 0, 1, 1], [2, 0, 0, 1], [2, 1, 0, 1]]);
});

test('a batch above a limit is divided until the culprit stands alone; its number goes to the next one', async () => {
  const { peer, sender } = await open(10, 0, 10, 10, 0);
  const messages = Array.from({ length: 4 }, () => message(KEY_0));
  expect(await sender.send(messages)).toEqual(new Map([[messages[2], 'refused']]));
  expect(peer.came).toEqual([[1, 0, 0, 4], [1, 0, 0, 2], [1, 0, 2, 2], [1, 0, 2, 1], [1, 0, 2, 1]]);
});

test('after close a send rejects', async () => {
  const { sender } = await open('hang-up', 'hang-up', 'hang-up');
  const sending = sender.send([message(KEY_0)]);
  await sender.close();
  await expect(sending).rejects.toThrow();
});
