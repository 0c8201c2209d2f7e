/**
 * The requests that producing needs, in versions that every broker since Kafka 2.1 takes: who leads which
 * partition, a producer's id, and the records themselves; and those of a login.
 */
import type { Buffer } from 'node:buffer';
import type { ResponseReader } from './response-reader.ts';
import type { RequestWriter } from './request-writer.ts';
import type { ProducerId } from './record-batch.ts';
import { SaslFailed } from './sasl.ts';

/** A request's name in the protocol: its key, and the version of it that is used here. */
export interface Api {
  readonly key: number;
  readonly version: number;
}

export const PRODUCE: Api = { key: 0, version: 7 };
export const METADATA: Api = { key: 3, version: 4 };
export const INIT_PRODUCER_ID: Api = { key: 22, version: 0 };
export const SASL_HANDSHAKE: Api = { key: 17, version: 1 };
export const SASL_AUTHENTICATE: Api = { key: 36, version: 1 };

const ALL_IN_SYNC = -1;
const MOST_NAME_BYTES = 32_767;

/** Request header v1. */
export function writeHeader(writer: RequestWriter, api: Api, correlation: number, clientId: string): void {
  writer.reserve(16 + MOST_NAME_BYTES);
  writer.gap32();
  writer.int16(api.key);
  writer.int16(api.version);
  writer.int32(correlation);
  writer.string(clientId);
}

export function writeMetadataRequest(writer: RequestWriter, topics: readonly string[]): void {
  writer.reserve(16 + topics.reduce((sum, { length }) => sum + 2 + 3 * length, 0));
  writer.int32(topics.length);
  for (const topic of topics) writer.string(topic);
  writer.int8(0); // makes no topics
}

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly name: string;
  /** 0: none. */
  readonly error: number;
  /** The leader of each partition by its index; -1: none now. */
  readonly leaders: readonly number[];
}

export interface Metadata {
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  readonly topics: readonly TopicMetadata[];
}

export function readMetadata(reader: ResponseReader): Metadata {
  reader.skip(4); // throttle time: the broker holds the answer back
  const brokers = new Map(reader.array((r): [number, BrokerAddress] => {
    const [node, host, port] = [r.int32(), r.string(), r.int32()];
    r.string(); // rack
    return [node, { host, port }];
  }));
  reader.string(); // cluster id
  reader.skip(4); // controller
  return { brokers, topics: reader.array(readTopic) };
}

function readTopic(reader: ResponseReader): TopicMetadata {
  const error = reader.int16();
  const name = reader.string();
  reader.skip(1); // internal or not
  const partitions = reader.array((r) => {
    r.skip(2); // an error leaves no leader
    const [index, leader] = [r.int32(), r.int32()];
    r.array((replica) => replica.int32());
    r.array((replica) => replica.int32());
    return { index, leader };
  });
  const leaders = Array<number>(partitions.length).fill(-1);
  for (const { index, leader } of partitions) {
    if (index < 0 || index >= leaders.length) throw new RangeError(`partition ${index} of ${leaders.length}`);
    leaders[index] = leader;
  }
  return { name, error, leaders };
}

export function writeInitProducerIdRequest(writer: RequestWriter): void {
  writer.reserve(8);
  writer.string(undefined); // no transactions
  writer.int32(0);
}

export function readInitProducerId(reader: ResponseReader): { error: number; producer: ProducerId } {
  reader.skip(4);
  const error = reader.int16();
  return { error, producer: { id: reader.int64(), epoch: reader.int16() } };
}

export interface ProduceTopic {
  readonly name: string;
  readonly partitions: readonly ProducePartition[];
}

export interface ProducePartition {
  readonly index: number;
  writeRecords(writer: RequestWriter): void;
}

/** `timeoutMs`: how long the leader waits for its replicas. */
export function writeProduceRequest(writer: RequestWriter, timeoutMs: number, topics: readonly ProduceTopic[]): void {
  writer.reserve(16);
  writer.string(undefined); // no transactions
  writer.int16(ALL_IN_SYNC);
  writer.int32(timeoutMs);
  writer.int32(topics.length);
  for (const { name, partitions } of topics) {
    writer.reserve(8 + 3 * name.length);
    writer.string(name);
    writer.int32(partitions.length);
    for (const partition of partitions) {
      writer.reserve(8);
      writer.int32(partition.index);
      const lengthAt = writer.gap32();
      partition.writeRecords(writer);
      writer.setInt32(lengthAt, writer.at - lengthAt - 4);
    }
  }
}

/** No answer to a partition is no error that a broker gives: like a lost one. */
const UNANSWERED = -1;

/** Gives the error code of each partition; 0 is none. */
export function readProduceResponse(reader: ResponseReader): (topic: string, partition: number) => number {
  const topics = new Map(reader.array((r) => [r.string(), new Map(r.array(readPartition))]));
  return (topic, partition) => topics.get(topic)?.get(partition) ?? UNANSWERED;
}

function readPartition(reader: ResponseReader): [index: number, error: number] {
  const answer: [number, number] = [reader.int32(), reader.int16()];
  reader.skip(24); // base offset, time and first offset of the log
  return answer;
}

export function writeSaslHandshakeRequest(writer: RequestWriter, mechanism: string): void {
  writer.reserve(2 + mechanism.length);
  writer.string(mechanism);
}

/** Throws {@link SaslFailed} where the broker does not speak the mechanism. */
export function readSaslHandshake(reader: ResponseReader): void {
  const error = reader.int16();
  if (error !== 0) throw new SaslFailed(`the mechanism is refused (error ${error}); the broker speaks ${reader.array((r) => r.string()).join(', ')}`);
}

export function writeSaslAuthenticateRequest(writer: RequestWriter, message: Uint8Array): void {
  writer.reserve(4 + message.length);
  writer.int32(message.length);
  writer.raw(message);
}

/** Throws {@link SaslFailed} with the broker's reason. `lifetimeMs`: until the login is over, 0 for never. */
export function readSaslAuthenticate(reader: ResponseReader): { bytes: Buffer; lifetimeMs: number } {
  const error = reader.int16();
  const reason = reader.string();
  if (error !== 0) throw new SaslFailed(`authentication failed (error ${error}): ${reason}`);
  return { bytes: reader.bytes(), lifetimeMs: Number(reader.int64()) };
}
