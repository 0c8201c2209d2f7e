import { expect, it } from 'vitest';
import { checkNonces, fleetCredentials } from './pion-fleet.ts';

async function* lines(...all: string[]): AsyncGenerator<string> {
  yield* all;
}

it('tells a nonce that protected two records from a datagram that came twice', async () => {
  const sent = 'a 1 23 1 5 - 0001000000000005 aaaa';
  const other = 'a 2 23 1 5 - 0001000000000005 bbbb';
  expect(await checkNonces(lines(sent, sent, other))).toEqual({ records: 3, repeated: [] });
  const again = 'a 1 23 1 9 - 0001000000000005 cccc';
  expect(await checkNonces(lines(sent, other, again))).toEqual({ records: 3, repeated: ['a 1 1 0001000000000005'] });
});

it('gives each device its own key', () => {
  const [first, second] = fleetCredentials({ count: 2, first: 7, identity: 'urn:dev:{n}', keySeed: 'seed' });
  expect(first).toMatchObject({ endpoint: 'fleet-7', identity: 'urn:dev:7', keyHex: expect.stringMatching(/^[0-9a-f]{32}$/) });
  expect(second?.keyHex).not.toBe(first?.keyHex);
});
