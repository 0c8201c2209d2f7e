import { eventTypes, topics } from '@cluster/contracts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildEvent, type EventDraft } from './build-event.ts';
import { readCloudEvent, readEvent } from './read-event.ts';

const draft: EventDraft = {
  topic: topics.sends, type: eventTypes.send, id: 'id-1', source: '/lwm2m/edge/w', endpoint: 'dev', tenant: 'default',
  timeMs: 1_760_000_000_123, generation: 1, fence: 2, sessionVersion: 3, data: { values: [] },
};
const wire = buildEvent(draft);

test('what is built is read', () => {
  fc.assert(fc.property(
    fc.record({
      id: fc.string({ minLength: 1 }), endpoint: fc.string({ minLength: 1 }), tenant: fc.string({ minLength: 1 }),
      timeMs: fc.integer({ min: 0, max: 4_000_000_000_000 }), generation: fc.maxSafeNat(), fence: fc.maxSafeNat(),
      sessionVersion: fc.maxSafeNat(), encoding: fc.constantFrom('json', 'cbor'),
      data: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))),
    }),
    (fields) => {
      const { encoding, ...event } = fields;
      const result = readEvent(buildEvent({ ...draft, ...fields }));
      expect(result).toMatchObject({ ok: true, event: { ...event, type: draft.type, source: draft.source } });
      expect(encoding).toBeDefined();
    },
  ));
});

test('a CloudEvent of somebody else needs the required attributes alone', () => {
  // CloudEvents Kafka protocol binding 1.0.2 §3.2.5, its example.
  const headers = {
    ce_specversion: '1.0', ce_type: 'com.example.someevent', ce_source: '/mycontext/subcontext', ce_id: '1234-1234-1234',
    ce_time: '2018-04-05T03:56:24Z', 'content-type': 'application/json; charset=utf-8',
  };
  expect(readCloudEvent({ headers, value: Buffer.from('{"op":"read"}') })).toEqual({
    ok: true,
    event: {
      id: '1234-1234-1234', source: '/mycontext/subcontext', type: 'com.example.someevent',
      timeMs: Date.UTC(2018, 3, 5, 3, 56, 24), data: { op: 'read' },
    },
  });
  expect(readEvent({ headers, value: Buffer.from('{}') })).toEqual({ ok: false, fault: { code: 'unknown-type', at: 'ce_type' } });
});

test.each<[string, Record<string, string | undefined>, string, string]>([
  ['no specversion', { ce_specversion: undefined }, 'missing-attribute', 'ce_specversion'],
  ['another specversion', { ce_specversion: '0.3' }, 'invalid-attribute', 'ce_specversion'],
  ['no id', { ce_id: undefined }, 'missing-attribute', 'ce_id'],
  ['an empty id', { ce_id: '' }, 'invalid-attribute', 'ce_id'],
  ['an endless id', { ce_id: 'x'.repeat(1_025) }, 'invalid-attribute', 'ce_id'],
  ['no source', { ce_source: undefined }, 'missing-attribute', 'ce_source'],
  ['no type', { ce_type: undefined }, 'missing-attribute', 'ce_type'],
  ['a type of nobody', { ce_type: 'lwm2m.other' }, 'unknown-type', 'ce_type'],
  ['no subject', { ce_subject: undefined }, 'missing-attribute', 'ce_subject'],
  ['no time', { ce_time: undefined }, 'missing-attribute', 'ce_time'],
  ['a time that is none', { ce_time: 'yesterday' }, 'invalid-attribute', 'ce_time'],
  ['a local time', { ce_time: '2025-10-09T08:53:20' }, 'invalid-attribute', 'ce_time'],
  ['a day that is none', { ce_time: '2025-13-09T08:53:20Z' }, 'invalid-attribute', 'ce_time'],
  ['no tenant', { ce_tenant: undefined }, 'missing-attribute', 'ce_tenant'],
  ['a negative generation', { ce_generation: '-1' }, 'invalid-attribute', 'ce_generation'],
  ['a fence with leading zero', { ce_fence: '02' }, 'invalid-attribute', 'ce_fence'],
  ['a version beyond safe integers', { ce_sessionversion: '9007199254740993' }, 'invalid-attribute', 'ce_sessionversion'],
  ['no content type', { 'content-type': undefined }, 'missing-attribute', 'content-type'],
  ['another content type', { 'content-type': 'text/plain' }, 'unknown-content-type', 'content-type'],
])('%s is a fault', (_name, change, code, at) => {
  const headers = Object.entries({ ...wire.headers, ...change }).filter(([, value]) => value !== undefined);
  const result = readEvent({ headers: Object.fromEntries(headers) as Record<string, string>, value: wire.value });
  expect(result).toEqual({ ok: false, fault: { code, at } });
});

test.each([
  ['no JSON', 'application/json', '{'],
  ['nothing', 'application/json', ''],
  ['JSON that is not UTF-8', 'application/json', '\xff'],
  ['CBOR that ends early', 'application/cbor', '\x82\x01'],
  ['CBOR with more behind it', 'application/cbor', '\x01\x01'],
  ['CBOR nested without end', 'application/cbor', '\x81'.repeat(200_000)],
])('%s is a fault of the value', (_name, type, text) => {
  const record = { headers: { ...wire.headers, 'content-type': type }, value: Buffer.from(text, 'latin1') };
  expect(readEvent(record)).toEqual({ ok: false, fault: { code: 'invalid-value', at: 'value' } });
});

test('headers are never taken from the prototype', () => {
  const headers = Object.create(wire.headers) as Record<string, string>;
  expect(readEvent({ headers, value: wire.value })).toMatchObject({ ok: false });
});

test('whatever comes, a value comes back', () => {
  fc.assert(fc.property(
    fc.dictionary(fc.constantFrom(...Object.keys(wire.headers)), fc.string()), fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom('application/json', 'application/cbor'),
    (headers, value, type) => {
      expect(readCloudEvent({ headers, value })).toHaveProperty('ok');
      expect(readEvent({ headers: { ...wire.headers, 'content-type': type }, value })).toHaveProperty('ok');
    },
  ));
});
