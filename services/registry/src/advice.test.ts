import { restExamples, type EndpointView, type LastValue, type ObservationView } from '@cluster/contracts';
import { describe, expect, test } from 'vitest';
import { adviceOf } from './advice.ts';

const at = { receivedAt: '2026-03-01T09:00:00.000Z', source: 'command' as const };
const integer = (path: string, value: number): LastValue => ({ ...at, path, value, type: 'integer' });
const octet = (path: string, byte: number): LastValue => ({ ...at, path, value: Buffer.of(byte).toString('base64'), type: 'opaque' });
const observation = (pmin?: number, pmax?: number): ObservationView => ({
  path: '/3303/0/5700', state: 'active', attributes: { ...(pmin === undefined ? {} : { pmin }), ...(pmax === undefined ? {} : { pmax }) },
});
const view = (lifetimeS: number, observations: ObservationView[] = [], more: Partial<EndpointView> = {}): EndpointView => ({
  ...restExamples.endpoint, queueMode: false, settings: {}, lifetimeS, observations, ...more,
});
const codes = (endpoint: EndpointView, values: LastValue[]) => adviceOf(endpoint, values).findings.map(({ code }) => code);

describe('B125 T3412 > lifetime > pmax; pmin < eDRX < pmax', () => {
  test.each<[string, EndpointView, LastValue[], string[]]>([
    ['all as it should be', view(7_200, [observation(10, 3_600)]), [integer('/10/0/4', 14_400), octet('/10/0/8', 0x05)], []],
    ['nothing known of the network', view(7_200, [observation(10, 3_600)]), [], []],
    ['a lifetime of the PSM timer', view(3_600), [integer('/10/0/4', 3_600)], ['LIFETIME_NOT_BELOW_PSM_TIMER']],
    ['a lifetime without end', view(0), [integer('/10/1/4', 3_600)], ['LIFETIME_NOT_BELOW_PSM_TIMER']],
    ['pmax of the lifetime', view(3_600, [observation(undefined, 3_600)]), [], ['PMAX_NOT_BELOW_LIFETIME']],
    ['pmax within a cycle', view(3_600, [observation(1, 80)]), [octet('/10/0/8', 0x05)], ['PMAX_NOT_ABOVE_EDRX']],
    ['pmin beyond a cycle', view(3_600, [observation(90, 600)]), [octet('/10/0/8', 0x05)], ['PMIN_NOT_BELOW_EDRX']],
    ['PSM that is off', view(3_600), [integer('/10/0/4', 0)], []],
  ])('%s', (_what, endpoint, values, expected) => {
    expect(codes(endpoint, values)).toEqual(expected);
  });

  // 3GPP TS 24.008 table 10.5.5.32.1
  test.each([
    ['/10/0/8', 0x00, 5.12], ['/10/0/8', 0xf5, 81.92], ['/10/0/8', 0x0f, 10_485.76], ['/10/0/9', 0x02, 20.48], ['/10/0/9', 0x00, 20.48],
    ['/10/0/9', 0x0a, 327.68],
  ])('%s %i is a cycle of %f s', (path, byte, cycle) => {
    expect(adviceOf(view(60), [octet(path, byte)]).periods.edrxS).toBe(cycle);
  });

  test('a value that is no eDRX octet says nothing', () => {
    for (const value of ['', 'AAAA', 5, null]) expect(adviceOf(view(60), [{ ...at, path: '/10/0/8', value, type: 'opaque' }]).periods).not.toHaveProperty('edrxS');
  });

  test('a device in queue mode is not to be taken for listening longer than the network reaches it', () => {
    const sleepy = view(60, [], { queueMode: true });
    expect(codes(sleepy, [integer('/10/0/5', 20)])).toEqual(['ACTIVE_TIME_BELOW_LISTENING']);
    expect(codes({ ...sleepy, settings: { maxTransmitWaitS: 20 } }, [integer('/10/0/5', 20)])).toEqual([]);
  });
});
