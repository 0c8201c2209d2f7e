import { describe, expect, it } from 'vitest';
import {
  changeProfile, decodeSession, encodeSession, isMuted, muteSendAnswered, muteSendView, nextDesiredStep, register, serverFound, type SessionRecord,
} from './index.ts';

const arrival = {
  worker: 'w1', nowMs: 1_000_000, peer: 'udp:127.0.0.1:5001', identity: 'nosec', messageId: 7, maxTransmitWaitMs: 93_000, sequence: 1,
  locationId: 'AAAAAAAABBBBBBBB', code: 0x41,
};
const registration = (paths: readonly string[], lwm2mVersion: '1.0' | '1.1' = '1.1') => ({
  endpoint: 'e', lifetimeS: 300, lwm2mVersion, binding: 'U', queueMode: false, attributes: {}, rootPath: '/',
  objectLinks: paths.map((path) => ({ path })), contentFormats: [112],
});
const muted = (value: boolean | undefined, paths = ['/1/0', '/3/0'], version?: '1.0'): SessionRecord =>
  changeProfile(register(undefined, registration(paths, version), arrival), { settings: value === undefined ? {} : { muteSend: value } }, { nowMs: 5, sequence: 2 });

describe('Mute Send', () => {
  it('is written to the Server instance that the client announced', () => {
    expect(nextDesiredStep(muted(true, ['/1', '/1/7', '/3/0']))?.command).toEqual({
      op: 'write', path: '/1/7/23', values: [{ path: '/1/7/23', value: true, type: 'boolean' }],
    });
    expect(nextDesiredStep(muted(false))?.command).toMatchObject({ path: '/1/0/23', values: [{ value: false }] });
    expect(muteSendView(muted(true))).toEqual({ desired: true, state: 'wanted' });
  });

  it('nothing is written where nothing is desired', () => {
    expect(nextDesiredStep(muted(undefined))).toBeUndefined();
    expect(muteSendView(muted(undefined))).toBeUndefined();
  });

  it.each<[string, SessionRecord]>([
    ['several Server instances of which none is its own', serverFound(muted(true, ['/1/0', '/1/1']), [], 1)], ['none', muted(true, ['/1', '/3/0'])], ['a client of 1.0', muted(true, undefined, '1.0')],
  ])('nothing is written to %s, and REST says why', (_what, record) => {
    expect(nextDesiredStep(record)).toBeUndefined();
    expect(muteSendView(record)).toMatchObject({ desired: true, state: 'refused', reason: expect.any(String) });
  });

  it('of several Server instances the device is asked which this server sees', () => {
    const several = muted(true, ['/1/0', '/1/4']);
    expect(nextDesiredStep(several)).toMatchObject({ action: 'find-server', command: { op: 'read', path: '/1' } });
    expect(muteSendView(several)).toEqual({ desired: true, state: 'wanted' });
    const ids = [{ path: '/1/0/0', value: 101, type: 'integer' as const }, { path: '/1/0/1', value: 300, type: 'integer' as const }];
    const both = [...ids, { path: '/1/4/0', value: 102, type: 'integer' as const }];
    const path = (record: SessionRecord) => nextDesiredStep(record)?.command.path;
    expect(path(serverFound(several, ids, undefined))).toBe('/1/0/23');
    expect(path(serverFound(several, both, 102))).toBe('/1/4/23');
    for (const unclear of [serverFound(several, both, undefined), serverFound(several, both, 103)]) {
      expect([path(unclear), muteSendView(unclear)?.state]).toEqual([undefined, 'refused']);
      expect(decodeSession(encodeSession(unclear))).toEqual(unclear);
    }
    const found = serverFound(several, both, 102);
    expect(decodeSession(encodeSession(found))).toEqual(found);
    expect(nextDesiredStep(register(found, registration(['/1/0', '/1/4']), arrival))).toMatchObject({ action: 'find-server' });
  });

  it('is confirmed or refused by the device, and then left alone', () => {
    const active = muteSendAnswered(muted(true), true, 0x44);
    expect([nextDesiredStep(active), muteSendView(active), isMuted(active)]).toEqual([undefined, { desired: true, state: 'active' }, true]);
    const refused = muteSendAnswered(muted(true), true, 0x84);
    expect([nextDesiredStep(refused), muteSendView(refused), isMuted(refused)]).toEqual([undefined, { desired: true, state: 'refused', code: '4.04' }, false]);
    for (const record of [active, refused]) expect(decodeSession(encodeSession(record))).toEqual(record);
  });

  it('is written again after the next Register, and when another value is desired', () => {
    const active = muteSendAnswered(muted(true), true, 0x44);
    expect(nextDesiredStep(register(active, registration(['/1/0']), arrival))?.action).toBe('mute-send');
    const changed = changeProfile(active, { settings: { muteSend: false } }, { nowMs: 6, sequence: 3 });
    expect(nextDesiredStep(changed)?.command).toMatchObject({ values: [{ value: false }] });
    expect(muteSendView(changed)).toEqual({ desired: false, state: 'wanted' });
  });

  it('an answer to the former value does not confirm the new one', () => {
    const changed = changeProfile(muted(true), { settings: { muteSend: false } }, { nowMs: 6, sequence: 3 });
    expect(muteSendView(muteSendAnswered(changed, true, 0x44))).toEqual({ desired: false, state: 'wanted' });
  });
});
