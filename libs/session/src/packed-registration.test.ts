import { expect, test } from 'vitest';
import { decodeSession, encodeSession } from './record.ts';
import { provision } from './registration.ts';

test('sessions of devices of one kind that are read from the store share their object list', () => {
  const objectLinks = [{ path: '/1', version: '1.1' }, { path: '/3/0' }];
  const read = (endpoint: string, links: typeof objectLinks | []) => {
    const prepared = provision(endpoint, 0);
    return decodeSession(encodeSession({ ...prepared, registration: { ...prepared.registration, objectLinks: links } })).registration.objectLinks;
  };
  const one = read('a', objectLinks);
  expect(one).toEqual(objectLinks);
  expect(read('b', [...objectLinks])).toBe(one);
  expect(read('c', [])).toEqual([]);
  expect(read('d', objectLinks.slice(1))).toEqual(objectLinks.slice(1));
});
