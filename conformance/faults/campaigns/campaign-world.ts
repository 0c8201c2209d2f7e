/** A cluster with a registry, edges and orchestrators, a fleet of light devices with object 5, and campaigns over REST. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CampaignDevicePage, type CampaignRequest, campaignView, type CampaignView } from '@cluster/contracts';
import { startKafka, startRedis, type KafkaHandle, type RedisHandle } from '@cluster/testing';
import { vi } from 'vitest';
import { brokersOf, Member } from '../../src/member.ts';
import { imageOf, upload } from '../../src/firmware.ts';
import { secretFile } from '../../src/server.ts';
import { LightFirmware, type Trouble } from './light-firmware.ts';

const IMAGE_BYTES = 8_192;
const LISTENS_S = 4;
const UPDATE_MS = 15_000;
const AT_ONCE = 50;
const EDGES = 2;
const ORCHESTRATORS = 2;

export class CampaignWorld {
  readonly image = imageOf('campaign', IMAGE_BYTES);
  redis!: RedisHandle;
  kafka!: KafkaHandle;
  edges: Member[] = [];
  orchestrators: Member[] = [];
  registry!: Member;
  package!: string;
  readonly #devices: LightFirmware[] = [];
  #directory!: string;

  async open(): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'campaign-'));
    [this.redis, this.kafka] = await Promise.all([startRedis(), startKafka()]);
    const env = {
      ...brokersOf(this.redis.urls, this.kafka.brokers), LWM2M_SECRET_KEY_FILE: await secretFile(this.#directory), LWM2M_NOSEC: 'on',
      LWM2M_FIRMWARE_DIR: join(this.#directory, 'packages'), LWM2M_MAX_TRANSMIT_WAIT_S: String(LISTENS_S),
    };
    this.registry = await Member.start('registry', env);
    for (let i = 0; i < EDGES; i++) this.edges.push(await Member.start('edge', env));
    const uris = { LWM2M_FIRMWARE_URIS: `coap://127.0.0.1:${this.edges[0]!.coapPort}` };
    for (let i = 0; i < ORCHESTRATORS; i++) this.orchestrators.push(await Member.start('firmware-orchestrator', { ...env, ...uris }));
    this.package = await upload(this.orchestrators[0]!.httpPort, this.image, '2.0');
  }

  async close(): Promise<void> {
    for (const device of this.#devices) device.close();
    await Promise.all([this.registry, ...this.edges, ...this.orchestrators].map((member) => member?.remove()));
    await Promise.all([this.redis?.stop(), this.kafka?.stop()]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Registers `NAME-0`, `NAME-1`, …: every other one pulls, and every third one sleeps. Resolves when the directory has all. */
  async devices(name: string, count: number, troubleOf: (i: number) => Trouble | undefined): Promise<LightFirmware[]> {
    const counts = { observes: 0, attributes: 0, others: 0, repeats: 0, resets: 0 };
    const devices = Array.from({ length: count }, (_, i) => new LightFirmware(`${name}-${i}`, this.edges[i % EDGES]!.coapPort, counts, {
      method: i % 2 === 0 ? 'pull' : 'push', queueMode: i % 3 === 0, trouble: troubleOf(i), image: this.image, listensMs: LISTENS_S * 1_000, updateMs: UPDATE_MS,
    }));
    this.#devices.push(...devices);
    const left = devices.values();
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (const device of left) {
        await device.open();
        await device.reboot();
        void device.live();
      }
    }));
    await this.registry.rest.put(`/groups/${name}`, { endpointPattern: `${name}-*` });
    await vi.waitFor(async () => {
      const members = await this.#members(name);
      if (members < count) throw new Error(`the directory has ${members} of ${count}`);
    }, { timeout: 120_000, interval: 500 });
    return devices;
  }

  async start(request: Partial<Omit<CampaignRequest, 'waves' | 'budget'>> & { readonly target: CampaignRequest['target']; readonly waves?: readonly object[]; readonly budget?: object }): Promise<string> {
    const body = JSON.stringify({ package: this.package, ...request });
    const response = await fetch(this.#url(''), { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    if (response.status !== 202) throw new Error(await response.text());
    return campaignView.parse(await response.json()).id;
  }

  async view(id: string): Promise<CampaignView> {
    return campaignView.parse(await (await fetch(this.#url(`/${id}`))).json());
  }

  /** The campaign once it stands so; `meanwhile` is told how many of its devices have ended. */
  async until(id: string, reached: (view: CampaignView) => boolean, patienceMs: number, meanwhile: (ended: number) => Promise<void> = async () => undefined): Promise<CampaignView> {
    const endMs = Date.now() + patienceMs;
    for (;;) {
      const view = await this.view(id).catch(() => undefined);
      if (view !== undefined && reached(view)) return view;
      if (Date.now() > endMs) throw new Error(`it stands at ${JSON.stringify(view)}: ${JSON.stringify(await this.#open(id))}`);
      if (view !== undefined) await meanwhile(endedOf(view));
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** Some devices that have not ended, for a reader of a failure. */
  async #open(id: string): Promise<unknown> {
    const page = (await (await fetch(this.#url(`/${id}/devices?state=running&limit=5`))).json()) as CampaignDevicePage;
    return page.devices;
  }

  #url(path: string): string {
    // The last one is not killed.
    return `http://127.0.0.1:${this.orchestrators.at(-1)!.httpPort}/api/v1/firmware/campaigns${path}`;
  }

  async #members(group: string): Promise<number> {
    let members = 0;
    for (let cursor = ''; ;) {
      const response = await fetch(`http://127.0.0.1:${this.registry.httpPort}/api/v1/groups/${group}/endpoints?limit=1000${cursor}`);
      const { endpoints, next } = (await response.json()) as { endpoints: string[]; next?: string };
      members += endpoints.length;
      if (next === undefined) return members;
      cursor = `&cursor=${next}`;
    }
  }
}

/** Devices that have come to an end, in whatever way. */
export function endedOf({ counts }: CampaignView): number {
  const { succeeded, failed, lost, unreachable, skipped, cancelled, superseded } = counts;
  return succeeded + lost + unreachable + skipped + cancelled + superseded + Object.values(failed).reduce((sum, count) => sum + count, 0);
}
