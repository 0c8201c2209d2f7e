/** The server engine against OpenSSL's own client, over UDP on the loopback interface: handshake, data both ways, close. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decodeUtf8, encodeUtf8, toHex } from '@cluster/bytes';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { DtlsServer, NamedGroup } from '../src/index.ts';
import type { DtlsServerEvent, DtlsServerOptions } from '../src/index.ts';
import { folder, testCertificate } from './certificates.ts';
import { CLUSTER_KEYS } from './fixtures.ts';
import { TestStore } from './store.ts';
import { UdpDriver } from './udp-driver.ts';

const KEY = randomBytes(16);
const IDENTITY = 'urn:dev:openssl';
const serverCertificate = testCertificate('server.example.com');
const otherCertificate = testCertificate('other.example.com');
const deviceCertificate = testCertificate('device.example.com');
const credentialOf = ({ der, spki, privateKey }: typeof serverCertificate, name: string) => ({ names: [name], chain: [der], publicKey: spki, privateKey });
const CREDENTIALS = [credentialOf(serverCertificate, 'server.example.com'), credentialOf(otherCertificate, 'other.example.com')];
const CERTIFICATE_ARGUMENTS = ['-cert', deviceCertificate.certificateFile, '-key', deviceCertificate.keyFile];
const PSK_ARGUMENTS = ['-psk', KEY.toString('hex'), '-psk_identity', IDENTITY];

let driver: UdpDriver;
let client: ChildProcess;

afterEach(async () => {
  client.kill();
  await driver.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of s_client: what it printed, and what the engine told. */
class Run {
  readonly events: DtlsServerEvent[] = [];
  output = '';
  #waiting: (() => void)[] = [];

  changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  find<Kind extends DtlsServerEvent['kind']>(kind: Kind): (DtlsServerEvent & { kind: Kind }) | undefined {
    return this.events.find((event): event is DtlsServerEvent & { kind: Kind } => event.kind === kind);
  }
}

async function start(options: Partial<DtlsServerOptions>, prepare: (store: TestStore) => void): Promise<Run> {
  const run = new Run();
  const store = new TestStore();
  prepare(store);
  const server = new DtlsServer({ random: (size) => randomBytes(size), keys: CLUSTER_KEYS, ...options });
  driver = await UdpDriver.listen(server, store, (event) => {
    run.events.push(event);
    run.changed();
  });
  return run;
}

function connect(run: Run, extra: readonly string[]): void {
  run.output = '';
  client = spawn('openssl', ['s_client', '-dtls1_2', '-connect', `127.0.0.1:${driver.port}`, ...extra]);
  for (const stream of [client.stdout!, client.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      run.output += chunk.toString();
      run.changed();
    });
  }
}

/** Data both ways, then close_notify. */
async function exchange(run: Run): Promise<void> {
  await run.until(() => run.find('established') !== undefined);
  const { association } = run.find('established')!;
  client.stdin!.write('from the device\n');
  await run.until(() => run.find('data') !== undefined);
  expect(decodeUtf8(run.find('data')!.bytes)).toBe('from the device\n');
  expect(driver.worker.server.send(association, encodeUtf8('from the server\n'))).toBe('sent');
  driver.flush();
  await run.until(() => run.output.includes('from the server'));
  client.stdin!.end('Q\n');
  await run.until(() => run.find('closed') !== undefined);
  expect(run.find('closed')).toMatchObject({ association, reason: 'close-notify' });
}

const withPsk = (store: TestStore): void => void store.psks.set(toHex(encodeUtf8(IDENTITY)), { key: KEY, deviceNumber: 'PSKDEV00', credentialVersion: 3 });
const withDevice = (store: TestStore): void => void store.keys.set(toHex(deviceCertificate.der), deviceCertificate.publicKey);

describe('OpenSSL s_client', () => {
  it.each([
    ['PSK-AES128-CCM8', 'TLS_PSK_WITH_AES_128_CCM_8', []],
    ['PSK-AES128-GCM-SHA256', 'TLS_PSK_WITH_AES_128_GCM_SHA256', []],
    ['PSK-AES128-CBC-SHA256', 'TLS_PSK_WITH_AES_128_CBC_SHA256', []],
    ['PSK-AES128-CBC-SHA256', 'TLS_PSK_WITH_AES_128_CBC_SHA256', ['-no_etm']],
    ['PSK-AES128-CCM8', 'TLS_PSK_WITH_AES_128_CCM_8', ['-mtu', '256']],
    ['PSK-AES128-CCM8', 'TLS_PSK_WITH_AES_128_CCM_8', ['-maxfraglen', '512']],
    ['PSK-AES128-CCM8', 'TLS_PSK_WITH_AES_128_CCM_8', ['-no_ticket']],
  ])('%s is served as %s (%s)', async (cipher, suite, extra) => {
    const run = await start({}, withPsk);
    connect(run, [...PSK_ARGUMENTS, '-cipher', `${cipher}:@SECLEVEL=0`, ...extra]);
    await exchange(run);
    expect(run.find('established')).toMatchObject({ suite, how: 'handshake', credential: { deviceNumber: 'PSKDEV00', identity: { kind: 'psk', bytes: encodeUtf8(IDENTITY) } } });
  });

  it.each([
    ['ECDHE-ECDSA-AES128-CCM8', 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', []],
    ['ECDHE-ECDSA-AES128-GCM-SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', ['-groups', 'X25519:P-256']],
    ['ECDHE-ECDSA-AES128-SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', []],
    ['ECDHE-ECDSA-AES128-CCM8', 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', ['-mtu', '256']],
  ])('%s is served as %s with certificates on both sides (%s)', async (cipher, suite, extra) => {
    const run = await start({ credentials: CREDENTIALS, groups: extra.includes('-groups') ? [NamedGroup.X25519] : [NamedGroup.SECP256R1], maxDatagramBytes: extra.includes('-mtu') ? 256 : 1_200 }, withDevice);
    connect(run, [...CERTIFICATE_ARGUMENTS, '-cipher', `${cipher}:@SECLEVEL=0`, ...extra]);
    await exchange(run);
    expect(run.find('established')).toMatchObject({ suite, credential: { identity: { kind: 'x509' } } });
  });

  it('gets the certificate of the name it asks for (row B33)', async () => {
    const run = await start({ credentials: CREDENTIALS }, withDevice);
    connect(run, [...CERTIFICATE_ARGUMENTS, '-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0', '-servername', 'other.example.com']);
    await exchange(run);
    expect(run.find('established')).toMatchObject({ serverName: 'other.example.com' });
    expect(run.output).toContain('subject=CN = other.example.com');
  });

  it('is refused with unrecognized_name where the name is nobody’s and that is asked for (row B33)', async () => {
    const run = await start({ credentials: CREDENTIALS, unknownServerName: 'refuse' }, withDevice);
    connect(run, [...CERTIFICATE_ARGUMENTS, '-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0', '-servername', 'nobody.example.com']);
    await run.until(() => run.output.includes('SSL alert number 112'));
    expect(run.find('refused')).toMatchObject({ reason: 'unknown-server-name', alert: 112 });
  });

  it('with an unknown certificate gets the alert of the verdict', async () => {
    const run = await start({ credentials: CREDENTIALS }, () => {});
    connect(run, [...CERTIFICATE_ARGUMENTS, '-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0']);
    await run.until(() => run.output.includes('SSL alert number 46'));
    expect(run.find('refused')).toMatchObject({ reason: 'certificate', alert: 46 });
  });

  it('that refuses our certificate ends its handshake by an alert, and the server goes on (int-403)', async () => {
    const run = await start({ credentials: CREDENTIALS }, withDevice);
    const verify = ['-verify_return_error', '-verify_hostname', 'server.example.com', '-CAfile', otherCertificate.certificateFile];
    connect(run, [...CERTIFICATE_ARGUMENTS, '-cipher', 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0', ...verify]);
    await run.until(() => run.find('refused') !== undefined);
    expect(run.find('refused')).toMatchObject({ reason: 'peer-alert' });
    expect(driver.worker.server.usage).toMatchObject({ handshakes: 0, handshakeBytes: 0, associations: 0 });
  });

  it.each([
    ['an unknown identity', ['-psk', KEY.toString('hex'), '-psk_identity', 'nobody']],
    ['a wrong key', ['-psk', 'ff'.repeat(16), '-psk_identity', IDENTITY]],
  ])('with %s gets unknown_psk_identity, after the same messages (rows B23, B37)', async (_, psk) => {
    const run = await start({}, withPsk);
    connect(run, [...psk, '-cipher', 'PSK-AES128-CCM8:@SECLEVEL=0']);
    await run.until(() => run.output.includes('SSL alert number 115'));
    expect(run.find('refused')).toMatchObject({ alert: 115 });
  });

  it.each([
    ['a ticket', []],
    ['its session id', ['-no_ticket']],
  ])('resumes by %s, and has data both ways again', async (_, extra) => {
    const run = await start({}, withPsk);
    const session = join(folder, `session-${extra.length}.pem`);
    const common = [...PSK_ARGUMENTS, '-cipher', 'PSK-AES128-CCM8:@SECLEVEL=0', ...extra];
    connect(run, [...common, '-sess_out', session]);
    await exchange(run);
    await run.until(() => existsSync(session));
    run.events.length = 0;
    connect(run, [...common, '-sess_in', session]);
    await exchange(run);
    expect(run.find('established')).toMatchObject({ how: 'resumption', credential: { deviceNumber: 'PSKDEV00', credentialVersion: 3 } });
    expect(run.output).toContain('Reused, TLSv1.2');
  });
});
