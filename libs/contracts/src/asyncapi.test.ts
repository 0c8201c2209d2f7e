/** The AsyncAPI document is valid, names every event once, and describes what is told. */
import specs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { asyncApiDocument, eventMessages } from './asyncapi.ts';
import { commandEventType, eventTypes, topics } from './events.ts';
import { API_VERSION } from './version.ts';

const document = asyncApiDocument(API_VERSION);

test('is valid AsyncAPI 3.0', () => {
  const ajv = new Ajv({ meta: false, strict: false, validateFormats: false, logger: false });
  const valid = ajv.validate(specs.schemas['3.0.0'] as object, structuredClone(document));
  expect(ajv.errors ?? []).toEqual([]);
  expect(valid).toBe(true);
});

test('has every type of event once, and every topic', () => {
  expect(eventMessages.flatMap(({ types }) => types).sort()).toEqual([...Object.values(eventTypes), commandEventType].sort());
  expect([...new Set(eventMessages.map(({ topic }) => topic))].sort()).toEqual(Object.values(topics).sort());
});
