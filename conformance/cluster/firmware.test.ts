/** Updates of firmware in a cluster: whichever process dies meanwhile, the device gets its package, whole and once. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firmwareView, type FirmwareView } from '@cluster/contracts';
import { SimulatedDevice, SimulatedFirmware } from '@cluster/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { imageOf, sha256, upload, want } from '../src/firmware.ts';
import { brokersOf, Member } from '../src/member.ts';
import { secretFile } from '../src/server.ts';
import { describeCluster } from './stage.ts';

const directory = mkdtempSync(join(tmpdir(), 'lwm2m-packages-'));
const shared = { LWM2M_FIRMWARE_DIR: join(directory, 'packages'), LWM2M_SECRET_KEY_FILE: await secretFile(directory) };
const PATIENCE = { timeout: 50_000, interval: 50 };
const IMAGE = imageOf('cluster', 150_500);

afterAll(() => rm(directory, { recursive: true, force: true }));

describeCluster('firmware', (stage) => {
  let orchestrator: Member;
  const devices: SimulatedDevice[] = [];
  beforeAll(async () => {
    const env = { ...shared, ...brokersOf(stage.redisUrls, stage.kafkaBrokers), LWM2M_FIRMWARE_URIS: `coap://127.0.0.1:${stage.balancer.port}` };
    orchestrator = await Member.start('firmware-orchestrator', env);
  });
  afterAll(async () => {
    devices.forEach((device) => device.kill());
    await orchestrator?.remove();
  });

  async function device(name: string): Promise<{ endpoint: string; device: SimulatedDevice; firmware: SimulatedFirmware }> {
    const endpoint = `${name}-${stage.name}`;
    const one = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${stage.balancer.port}` });
    devices.push(one);
    const firmware = new SimulatedFirmware(one, '2.0');
    await one.start();
    return { endpoint, device: one, firmware };
  }

  async function update(endpoint: string): Promise<FirmwareView> {
    return firmwareView.parse(await orchestrator.rest.get(`/endpoints/${endpoint}/firmware`));
  }

  async function succeeds(endpoint: string, firmware: SimulatedFirmware): Promise<void> {
    await vi.waitFor(async () => expect(await update(endpoint)).toMatchObject({ stage: 'succeeded', device: { version: '2.0' } }), PATIENCE);
    expect(firmware.taken).toEqual([sha256(IMAGE)]);
  }

  it('is pulled and installed though the orchestrator is killed as soon as it took the request', async () => {
    const { endpoint, firmware } = await device('pulls');
    const id = await upload(orchestrator.httpPort, IMAGE, '2.0');
    await want(orchestrator.httpPort, endpoint, { package: id, delivery: 'pull' });
    await orchestrator.kill();
    await orchestrator.restart();
    await succeeds(endpoint, firmware);
  });

  it('is pushed whole though its edge is killed between two blocks', async () => {
    const { endpoint, device: one, firmware } = await device('pushed');
    const id = await upload(orchestrator.httpPort, IMAGE, '2.0');
    const under = Promise.withResolvers<void>();
    let puts = 0;
    one.faults.loseIncoming = ({ code }) => {
      if (code === '0.03' && ++puts === 40) under.resolve();
      return false;
    };
    await want(orchestrator.httpPort, endpoint, { package: id, delivery: 'push' });
    await under.promise;
    await stage.a.kill();
    stage.balancer.route(stage.b.coapPort);
    await vi.waitFor(async () => expect(await one.update()).toBe('2.04'), PATIENCE);
    await succeeds(endpoint, firmware);
    // 147 blocks, and what the death of the edge had repeated.
    expect(puts).toBeLessThan(190);
    await stage.a.restart();
    stage.balancer.route(stage.a.coapPort);
  });
}, shared);
