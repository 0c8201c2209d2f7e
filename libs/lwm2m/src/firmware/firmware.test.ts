import { checkCommand, firmware } from '../index.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drive, FirmwareDevice, PACKAGE, REQUEST, type DeviceTraits } from '../../testing/firmware-device.ts';

const SCENE = { nowMs: 5_000, served: ['coap'] } as const;

describe('an update', () => {
  it('is pulled, installed and verified, and leaves no observation', () => {
    const device = new FirmwareDevice({});
    const update = drive(device);
    expect(update).toMatchObject({ stage: 'succeeded', by: { method: 'pull', protocol: 0 } });
    expect(device.asked).toEqual([
      'observe /5/0', 'read /3/0', 'write /5/0/1', 'read /5/0', 'execute /5/0/2', 'read /5/0', 'read /3/0', 'cancel-observe /5/0',
    ]);
    expect(update.untold.map(({ stage }) => stage)).toEqual([
      'inquiring', 'delivering', 'downloading', 'downloaded', 'updating', 'verifying', 'succeeded',
    ]);
  });

  it.each<[string, DeviceTraits, string, RegExp]>([
    ['has the version already', { version: '2.0' }, 'succeeded', /already/],
    ['lost its result over the reboot, and runs the version', { losesResult: true }, 'succeeded', /runs version "2.0"/],
    ['came back with the old version', { losesResult: true, becomes: '1.0' }, 'failed', /came back with version "1.0"/],
    ['lies about its success', { becomes: '1.0' }, 'failed', /tells that it has updated, but runs version "1.0"/],
    ['runs a version of which ours is a prefix', { becomes: '2.0.10' }, 'failed', /runs version "2.0.10" instead of "2.0"/],
    ['has no flash memory left', { downloadResult: 2 }, 'failed', /Update Result 2/],
    ['runs out of memory', { downloadResult: 3 }, 'failed', /RAM.*Update Result 3/],
    ['loses the connection', { downloadResult: 4 }, 'failed', /Update Result 4/],
    ['finds the package damaged', { downloadResult: 5 }, 'failed', /integrity.*Update Result 5/],
    ['does not know the type', { downloadResult: 6 }, 'failed', /Update Result 6/],
    ['does not like the URI', { downloadResult: 7 }, 'failed', /Update Result 7/],
    ['fails to install', { updateResult: 8 }, 'failed', /Update Result 8/],
    ['tells a result that nobody knows', { downloadResult: 99 }, 'failed', /unknown Update Result/],
    ['refuses the URI', { refuses: { 'write /5/0/1': '4.00' } }, 'failed', /refused the package with 4.00/],
    ['has no room for a push', { method: 1, refuses: { 'write /5/0/0': '4.13' } }, 'failed', /refused the package with 4.13/],
    ['refuses to install', { refuses: { 'execute /5/0/2': '4.05' } }, 'failed', /refused to install with 4.05/],
    ['takes Execute and does nothing', { ignoresExecute: true }, 'failed', /did not begin to install after 3 requests/],
    ['has no object 5', { refuses: { 'observe /5/0': '4.04' } }, 'failed', /no firmware object/],
    ['can not be observed', { refuses: { 'observe /5/0': '4.05' } }, 'succeeded', /runs version/],
    ['only pulls, by a protocol that is not served', { method: 0, protocols: [2, 17] }, 'failed', /no protocol of the device/],
    ['holds an earlier package', { state: 2 }, 'succeeded', /runs version/],
    ['holds an earlier result', { result: 8 }, 'succeeded', /runs version/],
    ['keeps an earlier result until it downloads', { result: 5, refuses: { 'write /5/0/0': '4.05', 'cancel-observe /5/0': '4.04' } }, 'succeeded', /runs version/],
    ['does not give an earlier package up', { state: 1, refuses: { 'write /5/0/1': '4.00', 'write /5/0/0': '4.00' } }, 'failed', /does not give up/],
  ])('of a device that %s: %s', (_name, traits, stage, reason) => {
    const update = drive(new FirmwareDevice(traits));
    expect(update.stage).toBe(stage);
    expect(update.reason).toMatch(reason);
  });

  it.each<[DeviceTraits, string]>([
    [{ downloadResult: 5 }, 'device'], [{ updateResult: 8 }, 'device'], [{ losesResult: true, becomes: '1.0' }, 'version'],
    [{ refuses: { 'write /5/0/1': '4.00' } }, 'refused'], [{ refuses: { 'observe /5/0': '4.04' } }, 'unsupported'], [{ method: 0, protocols: [2] }, 'unsupported'],
  ])('that fails at a device with %j has the class of error %s', (traits, failure) => {
    expect(drive(new FirmwareDevice(traits))).toMatchObject({ failure });
  });

  it('is not begun at a device that runs another version than those it is for', () => {
    const device = new FirmwareDevice({});
    expect(drive(device, { fromVersions: ['0.9'] })).toMatchObject({ stage: 'failed', failure: 'target', reason: expect.stringContaining('not to be updated') as string });
    expect(device.asked.some((one) => one.startsWith('write'))).toBe(false);
    expect(drive(new FirmwareDevice({}), { fromVersions: ['0.9', '1.0'] }).stage).toBe('succeeded');
  });

  it.each([
    [{ manufacturer: 'ACME', model: 'M1', hardwareVersion: 'A' }, 'succeeded'],
    [{ manufacturer: 'acme' }, 'failed'],
    [{ hardwareVersion: 'B' }, 'failed'],
  ])('for a target %j: %s', (target, stage) => {
    const device = new FirmwareDevice({});
    expect(drive(device, { package: { ...PACKAGE, target } }).stage).toBe(stage);
    if (stage === 'failed') expect(device.asked.some((one) => one.startsWith('write'))).toBe(false);
  });

  it('installs the version that the device has once more where that is asked for', () => {
    const device = new FirmwareDevice({ version: '2.0' });
    expect(drive(device, { request: { ...REQUEST, force: true } }).stage).toBe('succeeded');
    expect(device.asked).toContain('execute /5/0/2');
  });

  it('waits for a device that is installing already, and fails in its time', () => {
    const update = drive(new FirmwareDevice({ state: 3 }));
    expect(update.stage).toBe('failed');
    expect(update.reason).toMatch(/took too long: the device is installing/);
  });

  it('goes by what the device tells on its own account, and asks where nothing is told', () => {
    let update = drivenTo('downloading', new FirmwareDevice({}), (device) => (device.state = 1));
    expect(update.out).toBeUndefined();
    const told = firmware.onValues(update, [{ path: '/5/0/3', value: 2 }], 2_000, SCENE);
    expect(told).toMatchObject({ stage: 'downloaded', out: { action: 'update' } });
    update = firmware.onTime(update, { ...SCENE, nowMs: update.lookAtMs });
    expect(update.out?.action).toBe('look');
  });

  it('believes no news that are older than what it knows', () => {
    const update = drivenTo('downloading', new FirmwareDevice({}), (device) => (device.state = 1));
    expect(firmware.onValues(update, [{ path: '/5/0/3', value: 2 }], update.device.atMs - 1, SCENE)).toBe(update);
    expect(firmware.onValues(update, [{ path: '/5/0/3', value: 7 }], 9_000, SCENE).stage).toBe('downloading');
  });

  it('sends the package again to a device that lost it over a reboot', () => {
    const device = new FirmwareDevice({});
    const update = drivenTo('downloading', device, (one) => (one.state = 1));
    device.state = 0;
    const rebooted = firmware.onRegistered(update, SCENE);
    expect(rebooted.out?.action).toBe('look');
    const next = firmware.onCommandEnd(rebooted, { step: rebooted.steps, ...device.take({ op: 'read', path: '/5/0' }) }, 6_000, SCENE);
    expect(next).toMatchObject({ stage: 'delivering', out: { action: 'send-uri' } });
  });

  it('looks at what came of an Execute that was not answered, and executes it again only where nothing did', () => {
    const device = new FirmwareDevice({});
    let executes = 0;
    const take = device.take.bind(device);
    device.take = (command) => {
      if (command.path !== '/5/0/2' || ++executes > 1) return take(command);
      return { state: 'outcome-unknown', values: [] };
    };
    expect(drive(device).stage).toBe('succeeded');
    expect(executes).toBe(2);
  });

  it('ends with a command that could not be sent, and says so', () => {
    const device = new FirmwareDevice({});
    device.take = () => ({ state: 'expired', values: [] });
    expect(drive(device)).toMatchObject({ stage: 'failed', reason: expect.stringMatching(/was not reached/) as string });
  });
});

describe('a device that lies about its state', () => {
  /** What it tells on its own account, over and over, until the update ends. */
  function endAfter(stage: string, values: firmware.TellingValue[], device = new FirmwareDevice({ ignoresExecute: true })): firmware.FirmwareUpdate {
    let update = drivenTo(stage, device, (one) => (one.state = stage === 'downloading' ? 1 : one.state));
    const look = device.object.bind(device);
    device.object = () => [...look(), ...values];
    for (let nowMs = 5_000, rounds = 0; !firmware.isOver(update) && rounds < 900; rounds++) {
      nowMs = Math.max(nowMs + 10, firmware.dueMs(update) ?? 0);
      const scene = { ...SCENE, nowMs };
      update = firmware.onValues(update, values, nowMs, scene);
      const command = firmware.commandOf(update, () => 'coap://server/fw');
      update = command === undefined ? firmware.onTime(update, scene) : firmware.onCommandEnd(update, { step: update.steps, ...device.take(command) }, nowMs, scene);
    }
    return update;
  }

  it.each<[string, string, firmware.TellingValue[], RegExp]>([
    ['goes back to Downloading after it was asked to install', 'updating', [{ path: '/5/0/3', value: 1 }], /took too long: the device tells that it downloads, after it was asked to install/],
    ['gives the package up after it had it', 'updating', [{ path: '/5/0/3', value: 0 }], /came back with version "1.0"/],
    ['tells a failure without its state', 'downloading', [{ path: '/5/0/3', value: 1 }, { path: '/5/0/5', value: 4 }], /took too long: the device still tells that it downloads, though connection lost/],
    ['tells a failure, and that it installs', 'updating', [{ path: '/5/0/3', value: 3 }, { path: '/5/0/5', value: 8 }], /took too long: the device still tells that it installs, though the update failed/],
    ['tells success, and that it installs', 'updating', [{ path: '/5/0/3', value: 3 }, { path: '/5/0/5', value: 1 }], /took too long: the device still tells that it installs, though updated successfully/],
    ['tells success while it downloads', 'downloading', [{ path: '/5/0/3', value: 0 }, { path: '/5/0/5', value: 1 }], /tells that it has updated, but runs version "1.0"/],
    ['tells a state that there is not', 'downloading', [{ path: '/5/0/3', value: 4 }], /took too long: the device downloads/],
    ['tells texts for numbers', 'downloading', [{ path: '/5/0/3', value: '2' }, { path: '/5/0/5', value: '8' }], /took too long: the device downloads/],
  ])('one that %s fails, and it is said why', (_name, stage, values, reason) => {
    const update = endAfter(stage, values);
    expect(update.stage).toBe('failed');
    expect(update.reason).toMatch(reason);
  });

  it.each([['1.1.1', '1.1.10'], ['1.1.10', '1.1.1'], ['2.0', '2.0 '], ['2.0', '02.0'], ['2.0', 'v2.0']])('has not updated to "%s" where it runs "%s"', (version, becomes) => {
    const update = drive(new FirmwareDevice({ becomes }), { package: { ...PACKAGE, version } });
    expect(update).toMatchObject({ stage: 'failed', failure: 'version', reason: expect.stringContaining(`runs version "${becomes}" instead of "${version}"`) as string });
  });

  it('is asked for nothing by news of before the update, and by no news twice', () => {
    const begun = { ...firmware.begin({ id: 'u', package: PACKAGE, request: REQUEST, objectVersion: '1.1', secure: false }, SCENE), out: undefined };
    expect(firmware.onValues(begun, [{ path: '/5/0/3', value: 2 }], SCENE.nowMs - 1, SCENE)).toBe(begun);
    const downloading = drivenTo('downloading', new FirmwareDevice({}), (one) => (one.state = 1));
    const once = firmware.onValues(downloading, [{ path: '/5/0/3', value: 2 }], 6_000, SCENE);
    const twice = firmware.onValues(once, [{ path: '/5/0/3', value: 2 }], 6_000, SCENE);
    expect([twice.out, twice.transitions]).toEqual([once.out, once.transitions]);
  });

  it.each([['downloaded', 1, 0], ['updating', 0, 0], ['updating', 2, 8]])('is looked at where it is %s, before a notification of state %i and result %i ends anything', (stage, state, result) => {
    const update = drivenTo('downloading', new FirmwareDevice({}), (one) => (one.state = 1));
    const at = { ...update, stage: stage as 'updating', looks: 0, device: { ...update.device, state: stage === 'updating' ? 3 : 2 }, tries: { ...update.tries, executions: 1 } };
    const told = firmware.onValues(at, [{ path: '/5/0/3', value: state }, { path: '/5/0/5', value: result }], 6_000, SCENE);
    expect(told).toMatchObject({ stage, out: { action: 'look' } });
  });

  it('is heard though the clock of its edge is behind', () => {
    const update = firmware.begin({ id: 'u', package: PACKAGE, request: REQUEST, objectVersion: '1.1', secure: false }, SCENE);
    const device = new FirmwareDevice({});
    const answered = firmware.onCommandEnd(update, { step: 1, ...device.take(firmware.commandOf(update, () => '')!) }, SCENE.nowMs - 60_000, SCENE);
    expect(answered.device.state).toBe(0);
  });
});

describe('cancelling', () => {
  it.each<[string, DeviceTraits, string, string]>([
    ['by Cancel of 1.1', {}, '1.1', 'execute /5/0/10'],
    ['by an empty URI in 1.0', {}, '1.0', 'write /5/0/1'],
    ['by an empty URI where Cancel is refused', { refuses: { 'execute /5/0/10': '4.04' } }, '1.1', 'write /5/0/1'],
    ['by a NULL package where nothing is pulled', { method: 1 }, '1.0', 'write /5/0/0'],
  ])('%s gives the package up', (_name, traits, objectVersion, request) => {
    const device = new FirmwareDevice(traits);
    let asked = false;
    const update = drive(device, { objectVersion }, (now, scene) => {
      if (asked || now.stage !== 'downloading') return now;
      asked = true;
      device.state = 1;
      const cancelling = firmware.onCancel(now, scene)!;
      device.asked.length = 0;
      return cancelling;
    });
    expect(update.stage).toBe('cancelled');
    expect(device.asked).toContain(request);
    expect(device.state).toBe(0);
  });

  it('is refused while the device may be installing', () => {
    const update = drivenTo('updating', new FirmwareDevice({ ignoresExecute: true }));
    expect(firmware.onCancel(update, SCENE)).toBeUndefined();
    expect(firmware.onSuperseded(update, 6_000)).toBeUndefined();
  });

  it('of what has not begun asks the device nothing', () => {
    const update = firmware.begin({ id: 'u', package: PACKAGE, request: REQUEST, objectVersion: '1.1', secure: false }, SCENE);
    expect(firmware.onCancel(update, SCENE)).toMatchObject({ stage: 'cancelled', out: undefined });
  });
});

describe('whatever happens in whatever order', () => {
  const value = fc.record({ path: fc.constantFrom('/5/0/3', '/5/0/5', '/5/0/9', '/3/0/3', '/5/0/8/0'), value: fc.oneof(fc.nat(12), fc.constantFrom('2.0', '1.0', null, true)) });
  const happening = fc.oneof(
    fc.record({ kind: fc.constant('values' as const), values: fc.array(value, { maxLength: 4 }), laterMs: fc.integer({ min: -50, max: 50_000 }) }),
    fc.record({ kind: fc.constant('end' as const), state: fc.constantFrom('done' as const, 'outcome-unknown' as const, 'expired' as const, 'queued' as const), code: fc.constantFrom('2.04', '2.05', '4.04', '4.05', '5.00'), values: fc.array(value, { maxLength: 4 }) }),
    fc.constantFrom({ kind: 'registered' as const }, { kind: 'cancel' as const }, { kind: 'time' as const }),
  );

  it('stands somewhere, can be stored, and ends; success is claimed only for the version', () => {
    fc.assert(fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      let nowMs = 1_000;
      let update = firmware.begin({ id: 'u', package: PACKAGE, request: REQUEST, objectVersion: '1.1', secure: true }, { ...SCENE, nowMs });
      const reasons = new Set<string>();
      for (const one of happenings) {
        nowMs += 1_000;
        const scene = { ...SCENE, nowMs };
        if (one.kind === 'values') update = firmware.onValues(update, one.values, nowMs + one.laterMs, scene);
        else if (one.kind === 'end') update = firmware.onCommandEnd(update, { ...one, step: update.out?.step ?? 0 }, nowMs, scene);
        else if (one.kind === 'registered') update = firmware.onRegistered(update, scene);
        else if (one.kind === 'cancel') update = firmware.onCancel(update, scene) ?? update;
        else update = firmware.onTime(update, { ...scene, nowMs: (nowMs = Math.max(nowMs, firmware.dueMs(update) ?? nowMs)) });
        expect(firmware.decodeUpdate(firmware.encodeUpdate(update))).toEqual(JSON.parse(JSON.stringify(update)));
        const command = firmware.commandOf(update, () => 'coap://server/fw');
        if (command !== undefined) expect(checkCommand(command)).toEqual([]);
        reasons.add(update.reason);
        if (update.stage === 'succeeded') expect(update.device.version ?? '2.0').toBe('2.0');
      }
      for (let waits = 0; !firmware.isOver(update) && waits < 500; waits++) {
        nowMs = Math.max(nowMs + 1, firmware.dueMs(update) ?? Infinity);
        update = firmware.onTime(update, { ...SCENE, nowMs });
      }
      expect(firmware.isOver(update)).toBe(true);
      expect(update.untold.map(({ sequence }) => sequence)).toEqual(Array.from({ length: update.transitions }, (_, i) => i + 1));
    }), { numRuns: 300 });
  });
});

describe('keys of commands', () => {
  it('tell their update and step', () => {
    expect(firmware.firmwareOfCommand(firmware.firmwareCommandId('AbC-_9', 7))).toEqual({ update: 'AbC-_9', step: 7 });
    expect(firmware.firmwareOfCommand(`k.${Buffer.from('job:x:1').toString('base64url')}`)).toBeUndefined();
    expect(firmware.firmwareOfCommand('random')).toBeUndefined();
  });

  it('a damaged record is an error with a code', () => {
    for (const bad of ['', '{}', '{"stage":"lost"}']) expect(() => firmware.decodeUpdate(bad)).toThrow(firmware.FirmwareUpdateUnreadable);
  });
});

describe('the way of delivery', () => {
  const device = (method: number | undefined, protocols?: number[]) => ({ atMs: 0, ...(method === undefined ? {} : { method }), ...(protocols ? { protocols } : {}) });
  it.each<[string, Parameters<typeof firmware.chooseDelivery>, unknown]>([
    ['names nothing: CoAP', ['auto', device(undefined), false, ['coap', 'http']], { method: 'pull', protocol: 0 }],
    ['secure before plain for one with security', ['auto', device(2, [0, 1]), true, ['coap', 'coaps']], { method: 'pull', protocol: 1 }],
    ['pushed where no protocol is shared', ['auto', device(2, [2]), false, ['coap']], { method: 'push' }],
    ['unknown protocols are ignored', ['auto', device(2, [99, 3]), false, ['https']], { method: 'pull', protocol: 3 }],
    ['push only', ['auto', device(1, [0]), false, ['coap']], { method: 'push' }],
    ['push asked for', ['push', device(2), false, ['coap']], { method: 'push' }],
    ['push asked for, and the device only pulls', ['push', device(0), false, ['coap']], expect.stringContaining('only pulls')],
    ['pull asked for, and the device only takes pushes', ['pull', device(1), false, ['coap']], expect.stringContaining('only takes pushes')],
  ])('%s', (_name, args, expected) => {
    expect(firmware.chooseDelivery(...args)).toEqual(expected);
  });
});

/** The update as it stands when it enters a stage; `then` changes the device just before. */
function drivenTo(stage: string, device: FirmwareDevice, then: (device: FirmwareDevice) => void = () => undefined): firmware.FirmwareUpdate {
  let nowMs = 1_000;
  let update = firmware.begin({ id: 'u', package: PACKAGE, request: REQUEST, objectVersion: '1.1', secure: false }, { ...SCENE, nowMs });
  while (update.stage !== stage || update.out !== undefined) {
    nowMs += 10;
    const ended = device.take(firmware.commandOf(update, () => 'coap://server/fw')!);
    if (update.out?.action === 'send-uri') then(device);
    update = firmware.onCommandEnd(update, { step: update.steps, ...ended }, nowMs, { ...SCENE, nowMs });
  }
  return update;
}
