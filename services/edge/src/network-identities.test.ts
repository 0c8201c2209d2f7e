import { mkdtempSync, rmSync, writeFileSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedDevice } from '@cluster/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '@cluster/telemetry';
import { IdentityTable, NetworkIdentities } from './network-identities.ts';
import { openHarness, type Harness } from './testing/harness.ts';

const log = createLogger({ service: 'edge', level: 'silent' });

describe('the table of identities', () => {
  const { table, badLines } = IdentityTable.parse(`
    # the packet gateway writes this
    192.0.2.7        490154203237518   # one device
    192.0.2.0/24     pool
    2001:db8:1::/64  49170
    2001:DB8:1:0:0:0:0:9  special
    10.0.0.0/33      x
    10.0.0.1
    nowhere          y
    10.0.0.2 a b
    10.0.0.3/        z
  `);

  it.each([
    ['udp:192.0.2.7:5683', '490154203237518'],
    ['udp:192.0.2.8:5683', 'pool'],
    ['udp:192.0.3.8:5683', undefined],
    ['udp:[2001:db8:1::5]:5683', '49170'],
    ['udp:[2001:db8:1::9]:5683', 'special'],
    ['udp:[2001:db8:2::5]:5683', undefined],
    ['udp:[::ffff:192.0.2.7]:5683', '490154203237518'],
    ['tcp:192.0.2.7:5683', undefined],
    ['', undefined],
  ])('%s is %s: the longest prefix decides', (peer, identity) => {
    expect(table.identityOf(peer)).toBe(identity);
  });

  it('names the lines that are none', () => {
    expect(badLines).toEqual([7, 8, 9, 10, 11]);
    expect(table.size).toBe(4);
  });

  it('takes any text, and finds every address by itself', () => {
    fc.assert(fc.property(fc.string(), (text) => void IdentityTable.parse(text).table.identityOf('udp:192.0.2.7:1')));
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const peer = address.includes(':') ? `udp:[${address}]:1` : `udp:${address}:1`;
      expect(IdentityTable.parse(`${address} me`).table.identityOf(peer)).toBe('me');
    }));
  });
});

describe('B40 an endpoint without security', () => {
  let harness: Harness;
  let directory: string;
  let file: string;
  const devices: SimulatedDevice[] = [];

  beforeEach(async () => {
    harness = await openHarness();
    directory = mkdtempSync(join(tmpdir(), 'identities-'));
    file = join(directory, 'identities');
    writeFileSync(file, '127.0.0.2 111\n127.0.0.3 222\n');
  });
  afterEach(async () => {
    for (const device of devices.splice(0)) device.kill();
    await harness.close();
    rmSync(directory, { recursive: true });
  });

  const start = async (policy: string) => (await harness.start({ LWM2M_NETWORK_IDENTITY: policy, LWM2M_NETWORK_IDENTITY_FILE: file })).coapPort;

  async function opened(endpoint: string, localAddress: string, port: number | undefined): Promise<SimulatedDevice> {
    const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${port}`, localAddress, automatic: false });
    devices.push(device);
    await device.open();
    return device;
  }

  async function registers(endpoint: string, localAddress: string, port: number | undefined): Promise<boolean> {
    const device = await opened(endpoint, localAddress, port);
    return device.register().then(() => true, () => false);
  }

  it('is taken where the network gave its address to it, by its name or by its setting', async () => {
    const port = await start('known');
    await harness.northbound.setProfile('lamp', { settings: { networkIdentity: '222' } });
    expect(await registers('urn:imei:111', '127.0.0.2', port)).toBe(true);
    expect(await registers('lamp', '127.0.0.3', port)).toBe(true);
    expect(await registers('urn:imei:111', '127.0.0.3', port)).toBe(false);
    expect(await registers('lamp', '127.0.0.2', port)).toBe(false);
    expect(await registers('elsewhere', '127.0.0.4', port)).toBe(true);
  });

  it('is refused where the network does not know its address, if it has to', async () => {
    const port = await start('required');
    expect(await registers('urn:imei:111', '127.0.0.2', port)).toBe(true);
    expect(await registers('urn:imei:111', '127.0.0.4', port)).toBe(false);
  });

  it('gets 4.00, and its registration stays with the one that has its identity', async () => {
    const port = await start('known');
    const right = await opened('111', '127.0.0.2', port);
    await right.register();
    const query = ['ep=111', 'lt=60', 'lwm2m=1.1', 'b=U'];
    const payload = Buffer.from('</1/0>,</3/0>');
    const wrong = await opened('other', '127.0.0.3', port);
    expect((await wrong.request({ method: 'POST', path: ['rd'], query, payload, contentFormat: 40 })).code).toBe('4.00');
    expect((await wrong.request({ method: 'POST', path: right.location?.slice(1).split('/') ?? [] })).code).toBe('4.04');
    expect(await right.update()).toBe('2.04');
  });

  it('follows the file', async () => {
    const identities = new NetworkIdentities('known', log);
    await identities.read(file);
    expect(identities.fits('udp:127.0.0.2:1', '333', undefined)).toBe(false);
    writeFileSync(file, '127.0.0.2 333\n');
    utimesSync(file, new Date(), new Date(Date.now() + 10_000));
    await identities.read(file);
    expect(identities.fits('udp:127.0.0.2:1', '333', undefined)).toBe(true);
    await expect(identities.open(join(directory, 'none'))).rejects.toThrow('ENOENT');
  });
});
