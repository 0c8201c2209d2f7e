import { eventTypes, topics } from '@cluster/contracts';
import { expect, test } from 'vitest';
import { buildEvent, type EventDraft } from './build-event.ts';

const draft: EventDraft = {
  topic: topics.notifications,
  type: eventTypes.notification,
  id: 'AAECAwQF.00',
  source: '/lwm2m/edge', worker: 'worker-1',
  endpoint: 'urn:dev:größe',
  tenant: 'default',
  timeMs: 1_760_000_000_123,
  generation: 3,
  fence: 2,
  sessionVersion: 44,
  data: { endpoint: 'urn:dev:größe', values: [{ path: '/3/0/9', value: 87 }] },
};

// CloudEvents 1.0.2 §3.1 and Kafka protocol binding 1.0.2 §3.2 (binary content mode).
test('attributes are headers, the endpoint is the key, JSON is the value', () => {
  const record = buildEvent(draft);
  expect(record).toMatchObject({ topic: 'lwm2m.notifications', key: 'urn:dev:größe' });
  expect(record.headers).toEqual({
    ce_specversion: '1.0',
    ce_id: 'AAECAwQF.00',
    ce_source: '/lwm2m/edge',
    ce_worker: 'worker-1',
    ce_type: 'lwm2m.notification',
    ce_subject: 'urn:dev:größe',
    ce_time: '2025-10-09T08:53:20.123Z',
    ce_tenant: 'default',
    ce_generation: '3',
    ce_fence: '2',
    ce_sessionversion: '44',
    'content-type': 'application/json',
  });
  expect(new TextDecoder().decode(record.value)).toBe(JSON.stringify(draft.data));
});

test('CBOR on request', () => {
  const record = buildEvent({ ...draft, encoding: 'cbor', data: { a: [1, 'x', true, null] } });
  expect(record.headers['content-type']).toBe('application/cbor');
  // RFC 8949 §3.1: map(1) with its length in two bytes, "a", array(4), 1, "x", true, null.
  expect(Buffer.from(record.value).toString('hex')).toBe('b900016161840161' + '78f5f6');
});

test('times do not stick from one event to another', () => {
  const times = [0, 1, 1, 1_760_000_000_123, 0].map((timeMs) => buildEvent({ ...draft, timeMs }).headers['ce_time']);
  expect(times).toEqual([
    '1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.001Z', '1970-01-01T00:00:00.001Z', '2025-10-09T08:53:20.123Z',
    '1970-01-01T00:00:00.000Z',
  ]);
});
