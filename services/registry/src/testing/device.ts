/** A device in the store, as the edge leaves it after a Register. */
import type { Registration } from '@cluster/lwm2m';
import { encodeSession, register, type SessionRecord, type SessionStore } from '@cluster/session';

/** Registers `endpoint` under `number` with the worker w1. */
export async function registerIn(store: SessionStore, endpoint: string, number: string): Promise<SessionRecord> {
  const registration: Registration = {
    endpoint, lifetimeS: 300, lwm2mVersion: '1.1', binding: 'U', queueMode: false, attributes: {}, rootPath: '/',
    objectLinks: [{ path: '/3/0' }], contentFormats: [],
  };
  const record = register(undefined, registration, {
    worker: 'w1', nowMs: await store.timeMs(), peer: 'udp:127.0.0.1:1', identity: 'nosec', messageId: 1, maxTransmitWaitMs: 93_000,
    sequence: 1, locationId: `${number}BBBBBBBB`, code: 0x41,
  });
  await store.claim([{ endpoint, proposal: number }]);
  await store.commit([{ number, session: { expected: 0, record: encodeSession(record) } }]);
  return record;
}
