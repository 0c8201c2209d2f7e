/** Configuration that is exported before an update and restored after it, and each way in which that fails. */
import { readdirSync, readFileSync } from 'node:fs';
import { parseDdf } from '../model/ddf.ts';
import { firmware } from '../index.ts';
import { describe, expect, it } from 'vitest';
import { drive, FirmwareDevice, REQUEST, type DeviceTraits } from '../../testing/firmware-device.ts';
import { differences, WRITABLE } from './keep.ts';

const value = (path: string, told: string | number | boolean): firmware.TellingValue => ({ path, value: told });
const ACCOUNT = [value('/1/0/0', 123), value('/1/0/1', 300), value('/1/0/7', 'U')];
const RULES = [value('/2/3/0', 5), value('/2/3/1', 0), value('/2/3/2/123', 15), value('/2/3/3', 123)];
const PROFILE = [value('/11/0/0', 'work'), value('/11/0/1', 'internet'), value('/11/0/6', 'hush'), value('/11/0/13', 1_000)];
const ALL = [...ACCOUNT, ...RULES, ...PROFILE];
const KEEP: Pick<firmware.DesiredFirmware, 'request'> = { request: { ...REQUEST, keep: ['/1', '/2', '/10', '/11'] } };
const FACTORY = [value('/1/0/0', 123), value('/1/0/1', 86_400), value('/1/0/7', 'U'), value('/11/0/0', 'factory'), value('/11/0/1', 'internet'), value('/11/0/6', ''), value('/11/0/13', 0)];

const asked = ({ asked: all }: FirmwareDevice) => all.filter((one) => /\/(1|2|10|11)\b(?!\/5)/.test(one) && !one.includes('/5/'));

describe('the configuration of a device', () => {
  it('is exported before Execute, and left alone where nothing of it changed', () => {
    const device = new FirmwareDevice({ configuration: ALL });
    const update = drive(device, KEEP);
    expect(update).toMatchObject({ stage: 'succeeded', reason: 'the device runs version "2.0", with its configuration' });
    expect(asked(device)).toEqual(['read /1', 'read /2', 'read /10', 'read /11', 'read /1', 'read /2', 'read /10', 'read /11']);
    expect(device.asked.indexOf('read /11')).toBeLessThan(device.asked.indexOf('execute /5/0/2'));
    expect(update.untold.map(({ stage }) => stage)).toEqual([
      'inquiring', 'delivering', 'downloading', 'downloaded', 'keeping', 'downloaded', 'updating', 'verifying', 'restoring', 'succeeded',
    ]);
  });

  it('is given back where it differs: what servers may write, and instances that are gone', () => {
    const device = new FirmwareDevice({ configuration: ALL, configurationAfter: FACTORY });
    expect(drive(device, KEEP).stage).toBe('succeeded');
    expect(asked(device).slice(4)).toEqual(['read /1', 'write-partial /1/0', 'read /1', 'read /2', 'create /2/3', 'read /2', 'read /10', 'read /11', 'write-partial /11/0', 'read /11']);
    expect(Object.fromEntries([...device.configuration.values()].map(({ path, value: has }) => [path, has]))).toEqual({
      ...Object.fromEntries(ALL.map(({ path, value: had }) => [path, had])), '/11/0/13': 0,
    });
  });

  it.each<[string, DeviceTraits, RegExp]>([
    ['does not show it', { refuses: { 'read /2': '4.01' } }, /^the device does not show \/2, which is to be kept \(4\.01\)$/],
    ['has too much of it', { configuration: [value('/1/0/10', 'x'.repeat(70_000))] }, /more than 65536 characters/],
    ['does not take it back', { configurationAfter: FACTORY, refuses: { 'write-partial /1/0': '4.05' } }, /^the device runs version "2.0", but does not take back \/1\/0 \(4\.05\)$/],
    ['makes no instances', { configurationAfter: FACTORY, refuses: { 'create /2/3': '4.05' } }, /does not take back \/2\/3 \(4\.05\)/],
    ['forgets what it is given', { configurationAfter: FACTORY, forgetsWrites: true }, /but \/1 does not stay as it was/],
  ])('of a device that %s: the update fails', (_name, traits, reason) => {
    const device = new FirmwareDevice({ configuration: ALL, ...traits });
    const update = drive(device, KEEP);
    expect(update).toMatchObject({ stage: 'failed', failure: 'refused', reason: expect.stringMatching(reason) as string });
    expect(device.asked.includes('execute /5/0/2')).toBe(traits.configurationAfter !== undefined);
  });

  it('of a device that shows it no more fails the update too', () => {
    const device = new FirmwareDevice({ configuration: ALL });
    const update = drive(device, KEEP, (now) => {
      if (now.stage === 'restoring') device.take = () => ({ state: 'done', code: '4.01', values: [] });
      return now;
    });
    expect(update.reason).toBe('the device runs version "2.0", but does not show /1 (4.01)');
  });

  it('can not be exported of a device that installs by itself, which is said', () => {
    const device = new FirmwareDevice({ configuration: ALL, installsByItself: true });
    expect(drive(device, KEEP)).toMatchObject({ stage: 'succeeded', reason: expect.stringContaining('without /1, /2, /10, /11, which could not be exported') as string });
  });

  it('is not asked for where nothing is to be kept', () => {
    const device = new FirmwareDevice({ configuration: ALL });
    expect(drive(device, { request: { ...REQUEST, keep: [] } }).keep).toBeUndefined();
    expect(asked(device)).toEqual([]);
  });

  it('is never given back in part where its secret is gone', () => {
    let sealed = false;
    const update = drive(new FirmwareDevice({ configuration: ALL, configurationAfter: FACTORY }), KEEP, (now) => {
      if (now.stage !== 'updating' || sealed) return now;
      sealed = true;
      return { ...now, keep: { ...now.keep!, sealed: 'AAAA' } };
    });
    expect(update).toMatchObject({ stage: 'failed', reason: expect.stringContaining('can not be opened') as string });
  });

  it('differs by value and not by order', () => {
    expect(differences(ACCOUNT, [...ACCOUNT].reverse())).toEqual([]);
    expect(differences(ACCOUNT, [value('/1/0/0', 7), ...ACCOUNT.slice(1)])).toEqual([]);
    expect(differences(ACCOUNT, [value('/1/0/1', '300'), ...ACCOUNT.slice(2)])).toEqual([{ op: 'write-partial', path: '/1/0', values: [value('/1/0/1', 300)] }]);
  });

  it('is writable where the definitions of its objects say so', () => {
    const folder = new URL('../../ddf/objects/', import.meta.url);
    const writable: Record<number, Set<number>> = { 1: new Set(), 2: new Set(), 10: new Set(), 11: new Set() };
    for (const file of readdirSync(folder).filter((name) => /^(1|2|10|11)-/.test(name))) {
      const { id, resources } = parseDdf(readFileSync(new URL(file, folder), 'utf8'));
      for (const { id: resource, operations } of resources.values()) if (operations === 'RW') writable[id]!.add(resource);
    }
    const ordered = (sets: Readonly<Record<number, ReadonlySet<number>>>) => Object.entries(sets).map(([object, ids]) => [object, [...ids].sort((a, b) => a - b)]);
    expect(ordered(writable)).toEqual(ordered(WRITABLE));
  });
});
