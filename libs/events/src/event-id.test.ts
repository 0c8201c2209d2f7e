import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventId, type EventIdParts } from './event-id.ts';

const notification: EventIdParts = {
  number: 'AAECAwQF',
  registrationId: 'AAECAwQFBgcICQoL',
  type: 'lwm2m.notification',
  token: Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 1),
  observe: 7,
  messageId: 0x1234,
  payload: new TextEncoder().encode('{"bn":"/3/0/","e":[{"n":"9","v":87}]}'),
};

// Consumers compare ids of different releases: these must never change.
test.each<[string, EventIdParts, string]>([
  ['all parts', notification, 'AAECAwQF.917cd4858102c2c74715045b0d99669c'],
  [
    'a sequence alone',
    { number: 'AAECAwQF', registrationId: 'AAECAwQFBgcICQoL', type: 'lwm2m.registration.expired', sequence: 3 },
    'AAECAwQF.45c64f006365d0f608dbad0133a225fc',
  ],
])('the id of %s stays what it is', (_name, parts, id) => {
  expect(eventId(parts)).toBe(id);
});

test.each<[string, Partial<EventIdParts>]>([
  ['number', { number: 'AAECAwQG' }],
  ['registration', { registrationId: 'AAECAwQFBgcICQoM' }],
  ['type', { type: 'lwm2m.send' }],
  ['token', { token: Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 2) }],
  ['shorter token', { token: Uint8Array.of(1, 2, 3, 4, 5, 6, 0) }],
  ['empty token', { token: new Uint8Array() }],
  ['Observe value', { observe: 8 }],
  ['Observe value 0', { observe: 0 }],
  ['message id', { messageId: 0x1235 }],
  ['sequence', { sequence: 0 }],
  ['empty payload', { payload: new Uint8Array() }],
])('another %s is another event', (_name, change) => {
  expect(eventId({ ...notification, ...change })).not.toBe(eventId(notification));
});

test.each(['token', 'observe', 'messageId', 'payload'] as const)('an event without %s is another event', (name) => {
  const { [name]: _left, ...rest } = notification;
  expect(eventId(rest)).not.toBe(eventId(notification));
  if (name === 'token' || name === 'payload') expect(eventId(rest)).not.toBe(eventId({ ...rest, [name]: new Uint8Array() }));
});

test('payloads of any size count, to the last byte', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), fc.nat(), (payload, at) => {
    const other = payload.slice();
    other[at % other.length]! ^= 1;
    const id = eventId({ ...notification, payload });
    expect(id).toMatch(/^AAECAwQF\.[0-9a-f]{32}$/);
    expect(eventId({ ...notification, payload: payload.slice() })).toBe(id);
    expect(eventId({ ...notification, payload: other })).not.toBe(id);
  }));
});
