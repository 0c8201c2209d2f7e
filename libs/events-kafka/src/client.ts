/** The kafkajs client behind consumers and topics: its logs, its sockets and its first-level retries. */
import './request-queue.ts';
import kafkajs, { type ISocketFactory, type Kafka, type LogEntry } from 'kafkajs';

import { openSocket, saslOfKafkajs, type KafkaSecurity } from './security.ts';
import type { TopicMaker } from './topic-keeper.ts';

/** The part of a pino logger that this package uses. */
export interface EventsLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** How to reach the brokers. */
export interface KafkaConnection {
  /** host:port of some of the cluster's brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** In the clear and without a name unless told. */
  readonly security?: KafkaSecurity;
  readonly logger?: EventsLogger;
  /** Asked for topics that turn out to be missing. Without it somebody else has to make them. */
  readonly topicMaker?: TopicMaker;
}

/** Silent until a logger is given. */
export const noLogger: EventsLogger = { debug: () => {}, warn: () => {} };

/** How long each use of the client may wait for an answer, ms. */
export interface ClientTimeouts {
  readonly requestMs: number;
  /** Without a byte for so long a connection is taken for dead and closed. */
  readonly idleMs: number;
}

const CONNECT_TIMEOUT_MS = 3_000;

/** A kafkajs client whose connections end themselves when the peer stays silent, or when `gone` says so. */
export function createClient(connection: KafkaConnection, timeouts: ClientTimeouts, gone: () => boolean = () => false): Kafka {
  const logger = connection.logger ?? noLogger;
  const { tls, sasl } = connection.security ?? {};
  return new kafkajs.Kafka({
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    ...(tls === undefined ? {} : { ssl: true }),
    ...(sasl === undefined ? {} : { sasl: saslOfKafkajs(sasl) }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: timeouts.requestMs,
    socketFactory: socketFactory(timeouts.idleMs, gone, tls),
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry: LogEntry) => logger.debug(fieldsOf(entry), entry.log.message),
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, multiplier: 2, factor: 0.2, retries: 2 },
  });
}

function fieldsOf(entry: LogEntry): object {
  const { message: _message, timestamp: _timestamp, stack: _stack, ...fields } = entry.log;
  return { ...fields, part: entry.namespace };
}

function socketFactory(idleMs: number, gone: () => boolean, tls: KafkaSecurity['tls']): ISocketFactory {
  return ({ host, port, onConnect }) => {
    if (gone()) throw new Error('closed');
    return openSocket(host, port, tls, onConnect).setNoDelay(true).setKeepAlive(true, idleMs).setTimeout(idleMs);
  };
}
