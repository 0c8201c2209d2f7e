/**
 * The bootstrap server and the edge are killed before every step that they take on the store and between every two
 * messages, under devices that apply writes at once or at Finish. Whatever a device holds at any time has to be accepted
 * where it belongs: so no device is ever locked out.
 */
import type { BootstrapConfiguration, BootstrapSecurity } from '@cluster/contracts';
import { equalBytes } from '@cluster/bytes';
import { authority, issue } from '@cluster/dtls/testing/authority';
import { sha256 } from '@cluster/secrets';
import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CredentialUse, KnownDevice, Provision } from '../index.ts';
import { BootstrapWorld } from '../testing/bootstrap-world.ts';

const root = authority('CN=Root');
const ENDPOINT = 'urn:dev:a';
const FACTORY = { identity: 'factory', keyHex: 'f0'.repeat(16) };
const FIRST = { identity: 'first', keyHex: 'a1'.repeat(16) };
/** More than any run has. */
const MOST_STEPS = 120;

class Killed extends Error {}

/** Resource 2, 3 and 5 of a Security object instance. */
interface Account {
  readonly use: CredentialUse;
  readonly mode: number;
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

class Device {
  accounts: readonly Account[];
  readonly #atFinish: boolean;
  #written: readonly Account[] | undefined;

  constructor(atFinish: boolean, accounts: readonly Account[]) {
    this.#atFinish = atFinish;
    this.accounts = accounts;
  }

  delete(): void {
    this.#change((accounts) => accounts.filter(({ use }) => use === 'bootstrap'));
  }

  write({ resources }: Provision['writes'][number]): void {
    const of = (id: number) => resources.find((each) => each.id === id)?.value;
    const account: Account = { use: of(1) === true ? 'bootstrap' : 'management', mode: Number(of(2)), identity: of(3) as Uint8Array, key: of(5) as Uint8Array };
    this.#change((accounts) => (account.use === 'bootstrap' ? [...accounts.filter(({ use }) => use !== 'bootstrap'), account] : [...accounts, account]));
  }

  finish(): void {
    this.accounts = this.#written ?? this.accounts;
    this.#written = undefined;
  }

  /** The session went dead: what waits for Finish is forgotten. */
  abandon(): void {
    this.#written = undefined;
  }

  #change(change: (accounts: readonly Account[]) => readonly Account[]): void {
    if (this.#atFinish) this.#written = change(this.#written ?? this.accounts);
    else this.accounts = change(this.accounts);
  }
}

class Walk {
  readonly world = new BootstrapWorld();
  readonly device: Device;
  #left = Infinity;
  steps = 0;

  constructor(atFinish: boolean) {
    const bytes = (of: typeof FACTORY, use: CredentialUse): Account => ({ use, mode: 0, identity: Buffer.from(of.identity), key: Buffer.from(of.keyHex, 'hex') });
    this.device = new Device(atFinish, [bytes(FACTORY, 'bootstrap'), bytes(FIRST, 'management')]);
    this.world.certificate = async (endpoint, spki) => issue({ subject: `CN=${endpoint}`, keys: { ...root.keys, publicKey: createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }) } }, root).der;
    this.world.serverKeys = [{ names: [], chain: [Buffer.from('server')], publicKey: Buffer.from('key') }];
  }

  async begin(configuration: BootstrapConfiguration): Promise<void> {
    await this.world.desk().set(ENDPOINT, { psk: FACTORY, role: 'bootstrap' });
    await this.world.desk().set(ENDPOINT, { psk: FIRST });
    await this.world.configurations.put('all', configuration);
    this.world.step = () => this.#step();
  }

  killAfter(steps: number): void {
    this.#left = steps;
  }

  /** One run of a device: bootstrapped, then registered, unless the servers are killed on the way. True: it came to its end. */
  async run(): Promise<boolean> {
    try {
      await this.#bootstrap();
      await this.#register();
      return true;
    } catch (error) {
      if (!(error instanceof Killed) && (error as { code?: string }).code !== 'STORE_UNAVAILABLE') throw error;
      this.device.abandon();
      return false;
    } finally {
      this.#left = Infinity;
    }
  }

  async #bootstrap(): Promise<void> {
    const account = this.device.accounts.find(({ use }) => use === 'bootstrap')!;
    const known = await this.#accepted(account);
    if (known === undefined) throw new Error('the bootstrap server refuses the device');
    const identity = { deviceNumber: known.number, credentialVersion: known.version };
    const prepared = await this.world.provisioning().prepare({ endpoint: ENDPOINT, identity, nowMs: this.world.nowMs });
    if (prepared.kind !== 'provision') throw new Error(`${prepared.kind}: ${prepared.detail}`);
    this.#message(() => this.device.delete());
    for (const write of prepared.provision.writes.filter(({ path }) => path.startsWith('/0/'))) this.#message(() => this.device.write(write));
    this.#message(() => this.device.finish());
  }

  async #register(): Promise<void> {
    for (const account of this.device.accounts.filter(({ use }) => use === 'management')) {
      const known = await this.#accepted(account);
      if (known === undefined) continue;
      this.#message(() => {});
      await this.world.lookup(100, 'management').used({ deviceNumber: known.number, credentialVersion: known.version }, this.world.nowMs);
    }
  }

  /** A server may die before a message leaves, or before it took the answer to it. */
  #message(deliver: () => void): void {
    this.#step();
    deliver();
    this.#step();
  }

  #step(): void {
    this.steps += 1;
    if (this.#left-- <= 0) throw new Killed('killed');
  }

  async #accepted({ use, mode, identity, key }: Account): Promise<KnownDevice | undefined> {
    const lookup = this.world.lookup(100, use);
    const { nowMs } = this.world;
    if (mode === 0) return (await lookup.byPskIdentity(identity, nowMs)).find((each) => equalBytes(each.key, key));
    return mode === 1 ? lookup.bySpki(sha256(identity), nowMs) : lookup.byFingerprint(sha256(identity), nowMs);
  }

  /** Everything that the device holds is accepted. */
  async check(when: string): Promise<void> {
    const before = this.world.step;
    this.world.step = () => {};
    for (const account of this.device.accounts) {
      if ((await this.#accepted(account)) === undefined) throw new Error(`${when}: an account of mode ${account.mode} (${account.use}) is locked out`);
    }
    expect(this.device.accounts.some(({ use }) => use === 'bootstrap')).toBe(true);
    this.world.step = before;
  }
}

const uri = 'coaps://edge.example.com';
const management = (security: BootstrapSecurity, shortServerId = 1) => ({ role: 'management', uri, shortServerId, security }) as const;
const MADE = { psk: { mode: 'psk', from: 'make' }, rpk: { mode: 'rpk', from: 'make' }, x509: { mode: 'x509', from: 'make' } } as const;
const configurations: Readonly<Record<string, BootstrapConfiguration>> = {
  'a fresh PSK': { accounts: [management(MADE.psk)], assign: { default: true } },
  'a raw public key': { accounts: [management(MADE.rpk)], assign: { default: true } },
  'a certificate': { accounts: [management(MADE.x509)], assign: { default: true } },
  'two accounts of two kinds, and a fresh PSK for bootstrapping': {
    accounts: [{ role: 'bootstrap', uri, security: MADE.psk }, management(MADE.psk), management(MADE.x509, 2)], assign: { default: true },
  },
};
const devices = [['at Finish', true], ['at once', false]] as const;
const cases = Object.entries(configurations).flatMap(([name, configuration]) => devices.map(([when, atFinish]) => [name, when, configuration, atFinish] as const));

describe.each(cases)('%s, for a device that applies writes %s', (_name, _when, configuration, atFinish) => {
  test('killed at any step, and then once more at any other, the device stays in, and gets there', async () => {
    const whole = new Walk(atFinish);
    await whole.begin(configuration);
    expect(await whole.run()).toBe(true);
    expect(whole.steps).toBeLessThan(MOST_STEPS);
    for (let first = 0; first < whole.steps; first++) {
      const walk = new Walk(atFinish);
      await walk.begin(configuration);
      walk.killAfter(first);
      await walk.run();
      await walk.check(`killed at ${first}`);
      // Every second one is killed again, further on each time.
      walk.killAfter(first % 2 === 0 ? (first * 7) % whole.steps : MOST_STEPS);
      await walk.run();
      await walk.check(`killed at ${first}, and again`);
      expect(await walk.run()).toBe(true);
      await walk.check(`killed at ${first}, then left alone`);
    }
  });

  test('the former credentials end when it registered with what is new, and not before', async () => {
    const walk = new Walk(atFinish);
    await walk.begin(configuration);
    const identities = async () => (await walk.world.desk().list(ENDPOINT))!.map(({ identity }) => identity);
    walk.killAfter(20); // on its way through the writes, or before
    await walk.run();
    expect(await identities()).toContain('first');
    expect(await walk.run()).toBe(true);
    expect(await identities()).not.toContain('first');
    const unproved = (await walk.world.desk().list(ENDPOINT))!.filter((each) => each.unproved === true);
    expect(unproved.every(({ role }) => role === 'bootstrap')).toBe(true);
  });
});

test('a device that comes again and again without an end leaves no more behind than after its second time', async () => {
  const walk = new Walk(false);
  await walk.begin({ ...configurations['two accounts of two kinds, and a fresh PSK for bootstrapping']!, policy: { sessions: 1_000 } });
  const counts: number[] = [];
  for (let i = 0; i < 12; i++) {
    walk.killAfter(i % 2 === 0 ? 45 : 30 + i);
    await walk.run();
    await walk.check(`time ${i}`);
    counts.push((await walk.world.desk().list(ENDPOINT))!.length);
  }
  expect(Math.max(...counts)).toBeLessThanOrEqual(8);
});
