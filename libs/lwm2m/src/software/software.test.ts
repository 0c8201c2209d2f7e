import { checkCommand, software } from '../index.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driveSoftware, INSTALL, SoftwareDevice, type SoftwareTraits } from '../../testing/software-device.ts';

const SCENE = { nowMs: 5_000, served: ['coap'] } as const;
const PACKAGE = { id: 'p'.repeat(22), version: '2.0', target: {} };
const NOTHING = { package: undefined } as const;
const stagesOf = ({ untold }: software.SoftwareOperation) => untold.map(({ stage }) => stage);

describe('a software', () => {
  it('is pulled, installed, verified and activated, and leaves no observation', () => {
    const device = new SoftwareDevice({});
    const operation = driveSoftware(device);
    expect(operation).toMatchObject({ stage: 'succeeded', by: { method: 'pull', protocol: 0 } });
    expect(device.asked).toEqual([
      'observe /9/2', 'write /9/2/3', 'read /9/2', 'execute /9/2/4', 'read /9/2', 'read /9/2', 'execute /9/2/10', 'read /9/2', 'cancel-observe /9/2',
    ]);
    expect(stagesOf(operation)).toEqual(['inquiring', 'delivering', 'downloading', 'delivered', 'installing', 'verifying', 'activating', 'succeeded']);
  });

  it.each<[string, SoftwareTraits, string, RegExp]>([
    ['runs it already', { version: '2.0', active: true }, 'succeeded', /installed and active/],
    ['has it installed, and not active', { version: '2.0' }, 'succeeded', /installed and active/],
    ['has another version', { version: '1.0' }, 'succeeded', /installed and active/],
    ['has a version of which ours is a prefix', { version: '2.0.1', becomes: '2.0' }, 'succeeded', /installed and active/],
    ['holds an earlier package', { state: 3 }, 'succeeded', /installed and active/],
    ['holds an earlier failure', { result: 53 }, 'succeeded', /installed and active/],
    ['keeps an earlier failure until it downloads', { result: 53, refuses: { 'execute /9/2/6': '4.05' } }, 'succeeded', /installed and active/],
    ['has no instance', { bare: true }, 'succeeded', /installed and active/],
    ['removes the instance when it prepares', { version: '1.0', removesInstance: true }, 'succeeded', /installed and active/],
    ['makes no instance', { bare: true, refuses: { 'create /9/2': '4.05' } }, 'failed', /no instance \/9\/2, and makes none \(4\.05\)/],
    ['can not be observed', { refuses: { 'observe /9/2': '4.05' } }, 'succeeded', /installed and active/],
    ['shows nothing', { refuses: { 'observe /9/2': '4.05', 'read /9/2': '4.01' } }, 'failed', /does not show its software \(4\.01\)/],
    ['has no use for a URI', { refuses: { 'write /9/2/3': '4.04' } }, 'succeeded', /installed and active/],
    ['takes neither URI nor package', { refuses: { 'write /9/2/3': '4.04', 'write /9/2/2': '4.13' } }, 'failed', /refused the package with 4\.13/],
    ['has no storage left', { downloadResult: 50 }, 'failed', /Update Result 50/],
    ['runs out of memory', { downloadResult: 51 }, 'failed', /memory.*Update Result 51/],
    ['loses the connection', { downloadResult: 52 }, 'failed', /Update Result 52/],
    ['finds the package damaged', { downloadResult: 53 }, 'failed', /integrity.*Update Result 53/],
    ['does not know the type', { downloadResult: 54 }, 'failed', /Update Result 54/],
    ['does not like the URI', { downloadResult: 56 }, 'failed', /Update Result 56/],
    ['has an error of its own', { installResult: 57 }, 'failed', /Update Result 57/],
    ['fails to install', { installResult: 58 }, 'failed', /Update Result 58/],
    ['tells a result that nobody knows', { downloadResult: 99 }, 'failed', /unknown Update Result/],
    ['does not give its software up', { version: '1.0', uninstallResult: 59 }, 'failed', /uninstallation failed \(Update Result 59\)/],
    ['refuses to install', { refuses: { 'execute /9/2/4': '4.05' } }, 'failed', /refused to install with 4\.05/],
    ['takes Install and does nothing', { ignores: ['execute /9/2/4'] }, 'failed', /did not install after 3 requests/],
    ['tells another version after the installation', { becomes: '2.0.1' }, 'failed', /installed, but version "2\.0\.1" instead of "2\.0"/],
    ['tells no version', { becomes: '' }, 'succeeded', /installed and active/],
    ['refuses to activate', { refuses: { 'execute /9/2/10': '4.05' } }, 'failed', /refused to activate it with 4\.05/],
    ['takes Activate and does nothing', { ignores: ['execute /9/2/10'] }, 'failed', /did not become active after 3 requests/],
    ['downloads for ever', { slow: true }, 'failed', /took too long: the device downloads/],
  ])('at a device that %s: %s', (_name, traits, stage, reason) => {
    const operation = driveSoftware(new SoftwareDevice(traits));
    expect(operation.stage).toBe(stage);
    expect(operation.reason).toMatch(reason);
  });

  it('of another version is prepared for the update before its package comes', () => {
    const device = new SoftwareDevice({ version: '1.0' });
    driveSoftware(device);
    expect(device.asked.filter((one) => one.includes('/6'))).toEqual(['execute /9/2/6 1']);
    const refused = driveSoftware(new SoftwareDevice({ version: '1.0', refuses: { 'execute /9/2/6 1': '4.05' } }));
    expect(refused).toMatchObject({ stage: 'failed', reason: 'the device does not give up what it has' });
  });

  it('for other devices is not sent', () => {
    const device = new SoftwareDevice({});
    expect(driveSoftware(device, { package: { ...PACKAGE, target: { manufacturer: 'acme' } } }).stage).toBe('failed');
    expect(device.asked.some((one) => one.startsWith('write'))).toBe(false);
  });

  it('is only delivered, and installed from there later', () => {
    const device = new SoftwareDevice({ becomes: '2.0' });
    expect(driveSoftware(device, { request: { ...INSTALL, state: 'delivered' } })).toMatchObject({ stage: 'succeeded', reason: 'the device has the package' });
    expect(device.state).toBe(3);
    device.version = '2.0';
    device.asked.length = 0;
    expect(driveSoftware(device, { request: { ...INSTALL, state: 'inactive' } }).stage).toBe('succeeded');
    expect(device.asked.some((one) => one.startsWith('write'))).toBe(false);
    expect([device.state, device.active]).toEqual([4, false]);
  });

  it('is installed by the user of the device where that is asked for, whose time is limited', () => {
    const byUser = { request: { ...INSTALL, install: 'device' } } as const;
    const device = new SoftwareDevice({});
    const operation = driveSoftware(device, byUser, (now, scene) => {
      if (now.stage !== 'delivered' || now.out !== undefined) return now;
      expect(now.reason).toMatch(/its user begins/);
      return software.onValues(now, [{ path: '/9/2/7', value: 4 }, { path: '/9/2/1', value: '2.0' }], scene.nowMs, scene);
    });
    expect(operation.stage).toBe('failed');
    expect(operation.reason).toMatch(/did not stay installed \(Update State 3\)/);
    expect(device.asked).not.toContain('execute /9/2/4');
    expect(driveSoftware(new SoftwareDevice({}), byUser).reason).toMatch(/took too long: the device has the package; its user/);
  });

  it.each<[string, SoftwareTraits, 'active' | 'inactive' | 'absent', string, RegExp]>([
    ['is activated', { version: '1.0' }, 'active', 'succeeded', /installed and active/],
    ['is deactivated', { version: '1.0', active: true }, 'inactive', 'succeeded', /installed and not active/],
    ['can not be deactivated', { version: '1.0', active: true, refuses: { 'execute /9/2/11': '4.05' } }, 'inactive', 'failed', /refused to deactivate/],
    ['is not there to be activated', {}, 'active', 'failed', /no software is installed \(Update State 0\)/],
    ['has no instance', { bare: true }, 'active', 'failed', /no instance/],
    ['is uninstalled', { version: '1.0' }, 'absent', 'succeeded', /nothing is installed/],
    ['is uninstalled with its instance', { version: '1.0', removesInstance: true }, 'absent', 'succeeded', /nothing is installed/],
    ['is not there to be uninstalled', {}, 'absent', 'succeeded', /nothing is installed/],
    ['has no instance to be uninstalled from', { bare: true }, 'absent', 'succeeded', /no instance/],
    ['can not be uninstalled', { version: '1.0', uninstallResult: 59 }, 'absent', 'failed', /Update Result 59/],
    ['may not be uninstalled', { version: '1.0', refuses: { 'execute /9/2/6': '4.05' } }, 'absent', 'failed', /refused to uninstall with 4\.05/],
    ['stays though it was uninstalled', { version: '1.0', ignores: ['execute /9/2/6'] }, 'absent', 'failed', /still there after 3 requests/],
  ])('that %s', (_name, traits, state, stage, reason) => {
    const operation = driveSoftware(new SoftwareDevice(traits), { ...NOTHING, request: { ...INSTALL, state } });
    expect(operation.stage).toBe(stage);
    expect(operation.reason).toMatch(reason);
  });

  it('believes no news that are older than the operation, or of another instance', () => {
    const operation = { ...software.begin({ id: 'u', instance: 2, package: PACKAGE, request: INSTALL, secure: false }, SCENE), out: undefined };
    expect(software.onValues(operation, [{ path: '/9/2/7', value: 4 }], SCENE.nowMs - 1, SCENE)).toBe(operation);
    expect(software.onValues(operation, [{ path: '/9/20/7', value: 4 }], SCENE.nowMs, SCENE)).toBe(operation);
    expect(software.onValues(operation, [{ path: '/9/2/7', value: 9 }], SCENE.nowMs, SCENE).device.state).toBeUndefined();
  });
});

describe('cancelling', () => {
  it('uninstalls what was delivered', () => {
    const device = new SoftwareDevice({});
    let asked = false;
    const operation = driveSoftware(device, { request: { ...INSTALL, install: 'device' } }, (now, scene) => {
      if (asked || now.stage !== 'delivered') return now;
      asked = true;
      return software.onCancel(now, scene)!;
    });
    expect(operation.stage).toBe('cancelled');
    expect(device.state).toBe(0);
  });

  it('waits for a device that does not stop to download', () => {
    const operation = driveSoftware(new SoftwareDevice({ slow: true, ignores: ['execute /9/2/6'] }), {}, (now, scene) =>
      now.stage === 'downloading' && now.out === undefined ? software.onCancel(now, scene)! : now);
    expect(operation).toMatchObject({ stage: 'failed', reason: 'it took too long: the device downloads to the end before it gives the package up' });
  });

  it('is refused while the device may be installing', () => {
    let refusals = 0;
    driveSoftware(new SoftwareDevice({}), {}, (now, scene) => {
      if (now.stage !== 'installing' && now.stage !== 'activating') return now;
      expect([software.onCancel(now, scene), software.onSuperseded(now, scene.nowMs)]).toEqual([undefined, undefined]);
      refusals += 1;
      return now;
    });
    expect(refusals).toBeGreaterThan(1);
  });
});

describe('whatever happens in whatever order', () => {
  const value = fc.record({ path: fc.constantFrom('/9/2/7', '/9/2/9', '/9/2/12', '/9/2/1', '/3/0/0'), value: fc.oneof(fc.nat(60), fc.constantFrom('2.0', '1.0', null, true, false)) });
  const values = fc.array(value, { maxLength: 4 });
  const happening = fc.oneof(
    fc.record({ kind: fc.constant('values' as const), values, laterMs: fc.integer({ min: -50, max: 50_000 }) }),
    fc.record({ kind: fc.constant('end' as const), state: fc.constantFrom('done' as const, 'outcome-unknown' as const, 'queued' as const), code: fc.constantFrom('2.04', '2.05', '4.04', '4.05'), values }),
    fc.constantFrom({ kind: 'registered' as const }, { kind: 'cancel' as const }, { kind: 'time' as const }),
  );
  const request = fc.record({ state: fc.constantFrom('active' as const, 'inactive' as const, 'delivered' as const), install: fc.constantFrom('server' as const, 'device' as const) });

  it('stands somewhere, can be stored, and ends', () => {
    fc.assert(fc.property(request, fc.array(happening, { maxLength: 60 }), (wanted, happenings) => {
      let nowMs = 1_000;
      let operation = software.begin({ id: 'u', instance: 2, package: PACKAGE, request: { ...INSTALL, ...wanted }, secure: true }, { ...SCENE, nowMs });
      const step = (now: software.SoftwareOperation, one: (typeof happenings)[number]): software.SoftwareOperation => {
        const scene = { ...SCENE, nowMs };
        if (one.kind === 'values') return software.onValues(now, one.values, nowMs + one.laterMs, scene);
        if (one.kind === 'end') return software.onCommandEnd(now, { ...one, step: now.out?.step ?? 0 }, nowMs, scene);
        if (one.kind === 'registered') return software.onRegistered(now, scene);
        if (one.kind === 'cancel') return software.onCancel(now, scene) ?? now;
        return software.onTime(now, { ...scene, nowMs: (nowMs = Math.max(nowMs, software.dueMs({ instances: [now] }) ?? nowMs)) });
      };
      for (const one of happenings) {
        nowMs += 1_000;
        operation = step(operation, one);
        const [stored] = software.decodeSoftware(software.encodeSoftware({ instances: [operation] })).instances;
        expect(stored).toEqual(JSON.parse(JSON.stringify(operation)));
        const command = software.commandOf(operation, () => 'coap://server/fw');
        if (command !== undefined) expect(checkCommand(command)).toEqual([]);
      }
      for (let waits = 0; waits < 500 && !['succeeded', 'failed', 'cancelled'].includes(operation.stage); waits++) {
        nowMs = Math.max(nowMs + 1, software.dueMs({ instances: [operation] }) ?? Infinity);
        operation = software.onTime(operation, { ...SCENE, nowMs });
      }
      expect(['succeeded', 'failed', 'cancelled']).toContain(operation.stage);
      expect(operation.untold.map(({ sequence }) => sequence)).toEqual(Array.from({ length: operation.transitions }, (_, i) => i + 1));
    }), { numRuns: 200 });
  });
});

describe('the record of a device', () => {
  const operation = (instance: number, stage: software.SoftwareOperation['stage'], sinceMs: number): software.SoftwareOperation =>
    ({ ...software.begin({ id: `u${instance}`, instance, package: PACKAGE, request: INSTALL, secure: false }, SCENE), stage, sinceMs, out: undefined, untold: [] });

  it('holds one operation for each instance, and makes room by what ended first', () => {
    let record: software.SoftwareRecord | undefined;
    for (let instance = 0; instance < 32; instance++) record = software.withOperation(record, operation(instance, instance < 2 ? 'succeeded' : 'downloading', 100 - instance));
    expect(software.withOperation(record, operation(7, 'failed', 5))?.instances).toHaveLength(32);
    const next = software.withOperation(record, operation(40, 'inquiring', 200));
    expect(next?.instances.map(({ instance }) => instance)).toEqual([0, ...Array.from({ length: 30 }, (_, i) => i + 2), 40]);
    const full = software.withOperation(next, operation(41, 'inquiring', 200))!;
    expect(software.withOperation(full, operation(42, 'inquiring', 200))).toBeUndefined();
  });

  it('is an error with a code where it is damaged', () => {
    for (const bad of ['', '{}', '{"instances":[{}]}']) expect(() => software.decodeSoftware(bad)).toThrow(software.SoftwareUnreadable);
  });

  it('knows its commands by their ids', () => {
    expect(software.softwareOfCommand(software.softwareCommandId('AbC-_9', 7))).toEqual({ update: 'AbC-_9', step: 7 });
    expect(software.softwareOfCommand('k.Znc6')).toBeUndefined();
  });
});
