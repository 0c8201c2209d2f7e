/** Callers on the northern side: commands of all kinds, cancellations, desired observations, dropped registrations. */
import type { CommandRequest, DesiredObservation } from '@cluster/contracts';
import { Northbound } from '@cluster/session';
import type { Device } from './device.ts';
import { sleep, type Random } from './random.ts';
import type { StoreLink } from './store-link.ts';

export interface Submitted {
  readonly id: string;
  readonly endpoint: string;
  readonly command: CommandRequest;
  /** What the device's record shows it by; only commands that leave a trace there have one. */
  readonly tag: string | undefined;
  /** Unknown: no answer came, and nobody asked again. */
  accepted: boolean;
  cancelled: boolean;
}

const LIMITS = { tenant: { entries: 1_000, bytes: 1_000_000 }, queueEntries: 100, queueBytes: 1_000_000, observations: 50 };
const TRIES = 20;
const OBSERVABLE = ['/3303/0/5700', '/3303/0/5601', '/3303/1/5700', '/3303/1/5602'];

export class Operator {
  readonly submitted: Submitted[] = [];
  readonly northbound: Northbound;
  readonly #random: Random;
  #tags = 0;

  constructor(link: StoreLink, random: Random) {
    this.#random = random;
    this.northbound = new Northbound({ sessions: link.store, cluster: link.store, limits: LIMITS, newId: random.id, rng: random });
  }

  async submit(device: Device): Promise<void> {
    const tag = `tag-${++this.#tags}`;
    const idempotencyKey = `key-${tag}`;
    const command = { ...this.#draw(tag), ...this.#terms(), idempotencyKey };
    const id = `k.${Buffer.from(idempotencyKey).toString('base64url')}`;
    const traced = JSON.stringify({ ...command, idempotencyKey: '' }).includes(tag);
    const submitted: Submitted = { id, endpoint: device.endpoint, command, tag: traced ? tag : undefined, accepted: false, cancelled: false };
    this.submitted.push(submitted);
    const answer = await this.#insist(() => this.northbound.submit(device.endpoint, command));
    if (answer?.outcome === 'malformed') throw new Error(JSON.stringify(answer.faults));
    submitted.accepted = answer?.outcome === 'accepted' || answer?.outcome === 'repeated';
    if (submitted.accepted && this.#random.chance(0.1)) await this.#cancel(submitted);
  }

  async observe(device: Device): Promise<void> {
    const paths = OBSERVABLE.filter(() => this.#random.chance(0.5));
    const list = paths.map((path) => (this.#random.chance(0.3) ? { path, attributes: { pmin: 1 } } : { path }));
    await this.#insist(() => this.northbound.setObservations(device.endpoint, list));
  }

  /** Sets one of a few templates, or removes it; some apply to one device, some to all. */
  async template(devices: readonly Device[]): Promise<void> {
    const name = this.#random.pick(['a', 'b', 'c']);
    const { templates } = this.northbound;
    if (this.#random.chance(0.3)) return void (await this.#insist(() => templates.remove(name)));
    const match = this.#random.pick([{}, { object: '/3303/1' }, { labels: { site: 'north' } }, { endpointPattern: this.#random.pick(devices).endpoint }, { endpointPattern: 'nobody*' }]);
    const observations = this.#random.pick<DesiredObservation[]>([
      [{ path: '/3303/*/5700' }],
      [{ path: '/3303/0/5700', attributes: { pmin: 2 } }, { path: '/3303/7/5700' }],
      [{ paths: ['/3303/*/5601', '/3/0/9'] }],
    ]);
    await this.#insist(() => templates.put(name, { match, observations, priority: this.#random.between(0, 2) }));
  }

  /** Labels an endpoint, or takes away all that is kept for it: registered or not. */
  async label(device: Device): Promise<void> {
    const { endpoint } = device;
    if (this.#random.chance(0.3)) await this.#insist(() => this.northbound.forget(endpoint));
    else await this.#insist(() => this.northbound.setProfile(endpoint, { labels: { change: `c${++this.#tags}` } }));
  }

  /** Sets a label, by which a template may apply, and whether the device may Send. */
  async profile(device: Device): Promise<void> {
    const labels = this.#random.pick<Record<string, string>>([{}, { site: 'north' }]);
    const settings = this.#random.pick([{}, { muteSend: true }, { muteSend: false }]);
    await this.#insist(() => this.northbound.setProfile(device.endpoint, { labels, settings }));
  }

  async drop(device: Device): Promise<void> {
    await this.#insist(() => this.northbound.drop(device.endpoint));
  }

  async #cancel(submitted: Submitted): Promise<void> {
    await sleep(this.#random.between(0, 10_000));
    submitted.cancelled = (await this.#insist(() => this.northbound.cancel(submitted.endpoint, submitted.id))) === 'cancelled';
  }

  /** A caller that gets 503 asks again, most of the time. */
  async #insist<T>(call: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      try {
        return await call();
      } catch {
        if (this.#random.chance(0.05)) return undefined;
        await sleep(this.#random.between(500, 5_000));
      }
    }
    return undefined;
  }

  #draw(tag: string): CommandRequest {
    const value = { path: '/3303/0/5750', value: tag };
    const observed = this.#random.pick(OBSERVABLE);
    return this.#random.pick<CommandRequest>([
      { op: 'read', path: '/3303/0/5700' },
      { op: 'read-composite', paths: ['/3303/0/5700', '/3303/1/5700'] },
      { op: 'discover', path: '/3303' },
      { op: 'write', path: '/3303/0/5750', value: tag },
      { op: 'write', path: '/5/0/1', value: `coap://example.org/${tag}` },
      { op: 'write-partial', path: '/3303/0', values: [value] },
      { op: 'write-composite', values: [value] },
      { op: 'execute', path: '/3303/0/5605', arguments: `0='${tag}'` },
      { op: 'create', path: '/3303', values: [{ path: '/3303/7/5750', value: tag }] },
      { op: 'delete', path: '/3303/8' },
      { op: 'write-attributes', path: '/3303/0/5700', attributes: { pmax: 60 } },
      { op: 'observe', path: observed },
      { op: 'cancel-observe', path: observed },
    ]);
  }

  #terms(): Partial<CommandRequest> {
    return {
      ttlS: this.#random.between(5, 180),
      ...(this.#random.chance(0.5) ? { priority: this.#random.between(0, 9) } : {}),
      ...(this.#random.chance(0.1) ? { repeatable: this.#random.chance(0.5) } : {}),
      ...(this.#random.chance(0.1) ? { supersede: 'newest' } : {}),
    };
  }
}
