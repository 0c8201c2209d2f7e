/** Test cases of Firmware Update, 755 to 779: packages pushed and pulled, installed, and refused in each way that object 5 knows. */
import { eventTypes } from '@cluster/contracts';
import { apnObject, defaultObjects, SimulatedFirmware, SimulatedSoftware, softwareObject, type FirmwareTroubles, type SoftwareTroubles } from '@cluster/testing';
import { expect, it, onTestFinished } from 'vitest';
import { ended, imageOf, setFirmware, sha256, software, stage, uploadPackage } from '../src/firmware.ts';
import { leshanWithFirmware, simulator, simulatorWithFirmware, type SimulatedPlayer } from '../src/players.ts';
import { describeCases, shared, testCase } from '../src/test-case.ts';
import { Trial } from '../src/trial.ts';

const NULL_PACKAGE = { op: 'write', path: '/5/0/0', payloadBase64: 'AA==', contentFormat: 42 } as const;
const IDLE = { '/5/0/3': 0, '/5/0/5': 0 };

describeCases('Firmware Update', (group) => {
  const thirdParty = [shared(leshanWithFirmware())];
  const anyone = [...thirdParty, simulatorWithFirmware()];

  testCase(group, { id: 'int-755', title: 'Setting the writable Resource Package' }, anyone, async (trial) => {
    const taken = await trial.player.updatesTo('2.0');
    await trial.succeeds('2.04', NULL_PACKAGE);
    expect(await trial.read('/5/0')).toMatchObject(IDLE);
    const image = imageOf('755');
    await trial.succeeds('2.04', { op: 'write', path: '/5/0/0', package: await uploadPackage(trial, image, '2.0') });
    expect(await taken()).toBe(sha256(image));
    expect(await trial.read('/5/0')).toMatchObject({ '/5/0/3': 2, '/5/0/5': 0 });
  });

  testCase(group, { id: 'int-756', title: 'Setting the writable Resource Package URI' }, thirdParty, async (trial) => {
    const taken = await trial.player.updatesTo('2.0');
    await trial.write('/5/0/1', '');
    expect(await trial.read('/5/0')).toMatchObject(IDLE);
    const image = imageOf('756');
    const update = await setFirmware(trial, { package: await uploadPackage(trial, image, '2.0'), delivery: 'pull' });
    await stage(trial, update, 'downloaded');
    expect(await taken()).toBe(sha256(image));
    await ended(trial, update);
  });

  testCase(group, { id: 'int-760', title: 'Basic Observation and Notification on Firmware Update' }, thirdParty, async (trial) => {
    await trial.player.updatesTo('2.0');
    await trial.observe({ path: '/5/0/3', attributes: { pmin: 0, pmax: 10 } });
    expect((await trial.notification(['/5/0/3'])).values).toMatchObject([{ value: 0 }]);
    await trial.succeeds('2.04', { op: 'write', path: '/5/0/0', package: await uploadPackage(trial, imageOf('760'), '2.0') });
    expect((await trial.notification(['/5/0/3'])).values).toMatchObject([{ value: 2 }]);
    await trial.observe();
  });

  const deliveries = [
    { id: 'int-770', title: 'Successful Firmware update via CoAP', delivery: 'push' },
    { id: 'int-771', title: 'Successful Firmware update via alternative mechanism', delivery: 'pull' },
  ] as const;
  for (const { id, title, delivery } of deliveries) {
    testCase(group, { id, title }, anyone, async (trial) => {
      const taken = await trial.player.updatesTo('2.0.1');
      const image = imageOf(id);
      const update = await setFirmware(trial, { package: await uploadPackage(trial, image, '2.0.1'), delivery });
      expect(await ended(trial, update)).toMatchObject({ stage: 'succeeded', result: 1 });
      await trial.heard(eventTypes.registered, ({ time }) => time > update.startedAt);
      expect(await taken()).toBe(sha256(image));
      expect(await trial.read('/5/0')).toMatchObject({ '/5/0/3': 0, '/5/0/5': 1 });
      expect(await trial.read('/3/0/3')).toEqual({ '/3/0/3': '2.0.1' });
    });
  }

  testCase(group, { id: 'int-772', title: 'Error Case: Firmware package not downloaded' }, thirdParty, async (trial) => {
    await trial.player.updatesTo('2.0');
    await trial.succeeds('4.05', { op: 'execute', path: '/5/0/2' });
    expect(await trial.read('/5/0')).toMatchObject(IDLE);
  });

  const failures: readonly { id: string; title: string; troubles: FirmwareTroubles; result: number; delivery: 'push' | 'pull' }[] = [
    { id: 'int-773', title: 'Error Case: Not enough storage', troubles: { flashBytes: 10_000 }, result: 2, delivery: 'push' },
    { id: 'int-774', title: 'Error Case: Out of memory', troubles: { downloadResult: 3 }, result: 3, delivery: 'push' },
    { id: 'int-775', title: 'Error Case: Connection lost during download', troubles: { downloadResult: 4 }, result: 4, delivery: 'pull' },
    { id: 'int-776', title: 'Error Case: CRC check fail', troubles: { downloadResult: 5 }, result: 5, delivery: 'pull' },
    { id: 'int-777', title: 'Error Case: Unsupported package type', troubles: { downloadResult: 6 }, result: 6, delivery: 'push' },
    { id: 'int-778', title: 'Error Case: Invalid URI', troubles: { downloadResult: 7 }, result: 7, delivery: 'pull' },
    { id: 'int-779', title: 'Error Case: Unsuccessful Firmware update', troubles: { updateResult: 8 }, result: 8, delivery: 'pull' },
  ];
  for (const { id, title, troubles, result, delivery } of failures) {
    testCase(group, { id, title }, thirdParty, async (trial) => {
      await trial.player.updatesTo('2.0', troubles);
      const update = await setFirmware(trial, { package: await uploadPackage(trial, imageOf(id), '2.0'), delivery });
      const { stage: end, reason } = await ended(trial, update);
      expect([end, reason]).toEqual(['failed', expect.stringContaining(`Update Result ${result}`)]);
      expect(await trial.read('/5/0')).toMatchObject({ '/5/0/5': result });
      expect(await trial.read('/3/0/3')).toEqual({ '/3/0/3': '1.0' });
    });
  }

  it('configuration that an update has lost is restored after it', async () => {
    const player = await simulator({ objects: [...defaultObjects(300, 'U'), apnObject] }).open(group.scene, 'keeps');
    onTestFinished(() => player.stop());
    const trial = new Trial(player, group.scene);
    new SimulatedFirmware(player.device, '2.0', { beginsWith: { '/1/0/5': 10, '/11/0/1': 'factory', '/11/0/6': '' } });
    await player.register();
    player.setValue('/11/0/6', 'hush');
    const update = await setFirmware(trial, { package: await uploadPackage(trial, imageOf('keeps'), '2.0'), keep: ['/1', '/2', '/11'] });
    expect(await ended(trial, update)).toMatchObject({ stage: 'succeeded', reason: 'the device runs version "2.0", with its configuration' });
    expect(await trial.read('/1/0')).toMatchObject({ '/1/0/5': 86_400 });
    expect(await trial.read('/11/0')).toMatchObject({ '/11/0/1': 'internet', '/11/0/6': 'hush' });
  });

  async function withSoftware(name: string, troubles: SoftwareTroubles = {}): Promise<{ trial: Trial<SimulatedPlayer>; taken: readonly string[] }> {
    const player = await simulator({ objects: [...defaultObjects(300, 'U'), { ...softwareObject, instances: [] }] }).open(group.scene, name);
    const { taken } = new SimulatedSoftware(player.device, '3.1', troubles);
    await player.register();
    onTestFinished(() => player.stop());
    return { trial: new Trial(player, group.scene), taken };
  }

  it('software is installed in two instances, activated, deactivated and uninstalled', async () => {
    const { trial, taken } = await withSoftware('software');
    const [one, two] = [imageOf('one'), imageOf('two')];
    const ends = await Promise.all([
      software(trial, 2, { package: await uploadPackage(trial, one, '3.1'), delivery: 'pull' }),
      software(trial, 5, { package: await uploadPackage(trial, two, '3.1'), delivery: 'push', state: 'inactive' }),
    ]);
    expect(ends.map(({ stage: end, reason }) => [end, reason])).toEqual([['succeeded', 'the software is installed and active'], ['succeeded', 'the software is installed and not active']]);
    expect([...taken].sort()).toEqual([sha256(one), sha256(two)].sort());
    expect(await trial.read('/9/2')).toMatchObject({ '/9/2/1': '3.1', '/9/2/7': 4, '/9/2/9': 2, '/9/2/12': true });
    expect(await software(trial, 2, { state: 'inactive' })).toMatchObject({ stage: 'succeeded' });
    expect(await software(trial, 2, { state: 'absent' })).toMatchObject({ stage: 'succeeded', reason: 'nothing is installed' });
    expect(await trial.read('/9/2')).toMatchObject({ '/9/2/1': '', '/9/2/7': 0, '/9/2/12': false });
    expect(await trial.read('/9/5')).toMatchObject({ '/9/5/7': 4 });
  });

  it('software is installed by the user of the device', async () => {
    const { trial } = await withSoftware('software-user', { installsByItself: true });
    const end = await software(trial, 0, { package: await uploadPackage(trial, imageOf('user'), '3.1'), install: 'device' });
    expect(end).toMatchObject({ stage: 'succeeded', reason: 'the software is installed and active' });
  });

  it.each<[SoftwareTroubles, RegExp]>([
    [{ downloadResult: 53 }, /integrity.*Update Result 53/], [{ installResult: 58 }, /installation failed \(Update Result 58\)/],
  ])('software is not installed by a device with %j', async (troubles, reason) => {
    const { trial } = await withSoftware(`software-${JSON.stringify(troubles)}`, troubles);
    const end = await software(trial, 0, { package: await uploadPackage(trial, imageOf('fails'), '3.1') });
    expect(end).toMatchObject({ stage: 'failed', reason: expect.stringMatching(reason) as string });
  });
});
