import { partOf } from '@cluster/bytes';
import slotOf from 'cluster-key-slot';
import { expect, test } from 'vitest';
import { keysUnder } from './keys.ts';

const keys = keysUnder('p');

test('what a script touches together lies in one slot', () => {
  for (const number of ['AAAAAAAA', '-_-_-_-_', '12345678']) {
    expect(slotOf(keys.session(number))).toBe(slotOf(keys.queue(number)));
  }
  for (let part = 0; part < 16; part++) {
    const slots = [keys.directory(part), keys.directoryIndex(part), keys.directoryIndex(part, 'registered'), keys.directoryIndex(part, '{x}')];
    expect(new Set(slots.map(slotOf)).size).toBe(1);
  }
});

test('no two keys are the same', () => {
  const all = [
    keys.session('x'), keys.queue('x'), keys.endpoint('x'), keys.address('x'), keys.alarms(0), keys.lease('x'), keys.lease('0'),
    keys.doorbell('x'), keys.sweep(0), keys.outages(), keys.clock(), keys.probe(0), keys.directory(0), keys.directoryIndex(0),
    keys.directoryIndex(0, 'x'), keys.values('x'), keysUnder('q').outages(),
  ];
  expect(new Set(all).size).toBe(all.length);
});

test('parts are of about the same size, for random and for counted names', () => {
  const random = Array.from({ length: 20_000 }, (_, index) => Buffer.from((index * 0x9e37_79b9).toString(16).padStart(12, '0').slice(-12), 'hex').toString('base64url'));
  const counted = Array.from({ length: 20_000 }, (_, index) => `urn:imei:${350_000_000_000_000 + index}`);
  for (const names of [random, counted]) {
    for (const count of [16, 64]) {
      const sizes = new Array<number>(count).fill(0);
      for (const name of names) sizes[partOf(name, count)]!++;
      expect(Math.min(...sizes)).toBeGreaterThan((0.7 * names.length) / count);
      expect(Math.max(...sizes)).toBeLessThan((1.3 * names.length) / count);
    }
  }
});
