import type { CampaignWindow } from '@cluster/contracts';
import { expect, test } from 'vitest';
import { isOpen, isTimeZone, opensAt } from '../index.ts';

const BERLIN: CampaignWindow = { timeZone: 'Europe/Berlin', from: '22:00', to: '05:00', days: ['fri'] };

test.each<[string, CampaignWindow, string, boolean]>([
  ['in the evening of its day', BERLIN, '2026-03-06T21:00:00Z', true],
  ['a minute before', BERLIN, '2026-03-06T20:59:59Z', false],
  ['in the night after its day', BERLIN, '2026-03-07T03:59:59Z', true],
  ['at its end', BERLIN, '2026-03-07T04:00:00Z', false],
  ['in the evening of another day', BERLIN, '2026-03-07T21:00:00Z', false],
  ['an hour earlier by UTC in summer', BERLIN, '2026-07-03T20:00:00Z', true],
  ['at noon, every day', { timeZone: 'UTC', from: '12:00', to: '12:01' }, '2026-03-04T12:00:30Z', true],
  ['at midnight', { timeZone: 'UTC', from: '00:00', to: '00:30' }, '2026-03-04T00:00:00Z', true],
  ['across the date line', { timeZone: 'Pacific/Kiritimati', from: '01:00', to: '02:00', days: ['thu'] }, '2026-03-04T11:30:00Z', true],
  ['where it ends as it begins', { timeZone: 'UTC', from: '12:00', to: '12:00' }, '2026-03-04T12:00:00Z', false],
])('a window %s', (_name, window, at, open) => {
  expect(isOpen(window, Date.parse(at))).toBe(open);
});

test.each<[string, CampaignWindow[] | undefined, string, string | undefined]>([
  ['now, where there is none', undefined, '2026-03-04T10:00:10Z', '2026-03-04T10:00:10Z'],
  ['now, where it is open', [BERLIN], '2026-03-06T22:10:10Z', '2026-03-06T22:10:10Z'],
  ['on the next of its days', [BERLIN], '2026-03-07T04:00:20Z', '2026-03-13T21:00:00Z'],
  ['by the first of several', [BERLIN, { timeZone: 'UTC', from: '12:00', to: '13:00' }], '2026-03-06T11:00:00Z', '2026-03-06T12:00:00Z'],
  ['after the clocks went forward', [{ ...BERLIN, days: ['sun'] }], '2026-03-28T12:00:00Z', '2026-03-29T20:00:00Z'],
  ['where the clocks skip it, a week later', [{ timeZone: 'Europe/Berlin', from: '02:10', to: '02:50', days: ['sun'] }], '2026-03-28T12:00:00Z', '2026-04-05T00:10:00Z'],
  ['never, where it ends as it begins', [{ timeZone: 'UTC', from: '12:00', to: '12:00' }], '2026-03-28T12:00:00Z', undefined],
])('opens %s', (_name, windows, at, opens) => {
  expect(opensAt(windows, Date.parse(at))).toBe(opens === undefined ? undefined : Date.parse(opens));
});

test('does not open in time', () => {
  expect(opensAt([BERLIN], Date.parse('2026-03-07T12:00:00Z'), Date.parse('2026-03-10T12:00:00Z'))).toBeUndefined();
});

test.each([['Europe/Berlin', true], ['UTC', true], ['Mars/Olympus', false], ['', false]])('%s is a time zone: %s', (name, known) => {
  expect(isTimeZone(name)).toBe(known);
});
