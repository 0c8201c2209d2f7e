/** Queries of REST: what is taken, with which defaults, and what is refused. */
import { describe, expect, test } from 'vitest';
import { commandQuery, endpointsQuery, eventsQuery } from './rest.ts';

describe('queries are read', () => {
  test.each([
    [endpointsQuery, {}, { limit: 100 }],
    [endpointsQuery, { limit: '1000', state: 'expired', cursor: 'YQ' }, { limit: 1_000, state: 'expired', cursor: 'YQ' }],
    [commandQuery, {}, {}],
    [commandQuery, { wait: '120' }, { wait: 120 }],
    [eventsQuery, { endpoint: 'a', type: ['lwm2m.send', 'lwm2m.notification'] }, { endpoint: ['a'], type: ['lwm2m.send', 'lwm2m.notification'] }],
  ])('%#', (schema, query, read) => {
    expect(schema.parse(query)).toEqual(read);
  });
});

describe('queries are refused', () => {
  test.each([
    [endpointsQuery, { limit: '0' }],
    [endpointsQuery, { limit: '1001' }],
    [endpointsQuery, { limit: '' }],
    [endpointsQuery, { limit: '1.5' }],
    [endpointsQuery, { limit: ['1', '2'] }],
    [endpointsQuery, { cursor: 'a b' }],
    [endpointsQuery, { state: 'sleeping' }],
    [endpointsQuery, { offset: '1' }],
    [commandQuery, { wait: '-1' }],
    [commandQuery, { wait: 'Infinity' }],
    [eventsQuery, { type: 'lwm2m' }],
    [eventsQuery, { endpoint: Array<string>(101).fill('a') }],
  ])('%#', (schema, query) => {
    expect(schema.safeParse(query).success).toBe(false);
  });
});
