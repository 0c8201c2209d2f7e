/** Prints the µs of CPU of a handshake on the server's side, of a record opened and sealed, and of the primitives alone. Run with node. */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, diffieHellman, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { EMPTY_BYTES } from '@cluster/bytes';
import type { DtlsClientOptions } from '../src/index.ts';
import { randomPool } from '../src/index.ts';
import { createOpener, createSealer } from '../src/record/protection.ts';
import { splitDatagram } from '../src/record/record.ts';
import { CIPHERS, protection } from '../test/fixtures.ts';
import type { CLIENTS } from '../test/peers.ts';
import { WITH_CID, newClient, newStore, newWorker } from '../test/peers.ts';

const random = randomPool();
const BATCH = 50;
const print = (name: string, us: number): void => console.log(`${name.padEnd(56)} ${us.toFixed(2).padStart(8)} µs`);

/** CPU time of each run after warming up. */
function measure(name: string, rounds: number, run: () => void): void {
  for (let round = 0; round < rounds / 4; round++) run();
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) run();
  const used = process.cpuUsage(before);
  print(name, (used.user + used.system) / rounds);
}

/** Server-side CPU of whole handshakes, cookie exchange included, a batch of clients in step; the clients' side is not measured. */
function measureHandshake(name: string, kind: keyof typeof CLIENTS, options: Partial<DtlsClientOptions>, rounds: number): void {
  const worker = newWorker(newStore(), { random });
  let usedUs = 0;
  let established = 0;
  for (let round = -rounds / 4; round < rounds; round += BATCH) {
    const clients = new Map(Array.from({ length: BATCH }, (_, index) => [`dtls:10.0.${index}.1:${round & 0xffff}`, newClient(kind, { random, ...options })]));
    for (const client of clients.values()) client.connect(0);
    for (let turn = 0; turn < 4; turn++) {
      const datagrams = [...clients].flatMap(([peer, client]) => client.poll().datagrams.map((bytes) => ({ peer, bytes })));
      const before = process.cpuUsage();
      for (const datagram of datagrams) worker.server.handle(0, datagram);
      const answers = worker.settle(0);
      const used = process.cpuUsage(before);
      if (round >= 0) usedUs += used.user + used.system;
      for (const { peer, bytes } of answers) clients.get(peer)?.handle(0, bytes);
    }
    for (const event of worker.happened.splice(0)) {
      if (event.kind !== 'established') continue;
      established++;
      worker.server.discard(event.association);
    }
    worker.settle(0);
    worker.store.fixed.clear();
    worker.store.lastFlights.clear();
  }
  if (established !== rounds * 1.25) throw new Error(`${established} handshakes completed`);
  print(name, usedUs / rounds);
  console.log(`${'  that is, on a core'.padEnd(56)} ${(1e6 / (usedUs / rounds)).toFixed(0).padStart(8)} a second`);
}

/** A record in, opened and handed out; one of the same size out, sealed. */
function measureExchange(name: string, options: Partial<DtlsClientOptions>): void {
  const worker = newWorker(newStore(), { random, receiveCeiling: 'with-data', sendBlock: 1_000_000 });
  const client = newClient('psk', { random, ...options });
  client.connect(0);
  const settle = (): void => {
    for (const bytes of client.poll().datagrams) worker.server.handle(0, { peer: 'dtls:10.0.0.1:5684', bytes });
    for (const { bytes } of worker.settle(0)) client.handle(0, bytes);
  };
  while (!client.connected) settle();
  const { association } = worker.of('established')[0]!;
  const payload = randomBytes(64);
  const rounds = 100_000;
  let usedUs = 0;
  for (let batch = 0; batch < rounds / 100; batch++) {
    for (let index = 0; index < 100; index++) client.send(payload);
    const { datagrams } = client.poll();
    const before = process.cpuUsage();
    for (const bytes of datagrams) worker.server.handle(0, { peer: 'dtls:10.0.0.1:5684', bytes });
    const { events } = worker.server.poll();
    for (const event of events) if (event.kind === 'data') worker.server.send(association, event.bytes);
    const sent = worker.server.poll().datagrams.length;
    const used = process.cpuUsage(before);
    usedUs += used.user + used.system;
    if (sent !== 100) throw new Error(`${sent} answers`);
  }
  print(name, usedUs / rounds);
}

/** Heap and buffers; the keys inside OpenSSL are not in it. */
async function heapPerAssociation(): Promise<void> {
  const worker = newWorker(newStore(), { random });
  const count = 2_000;
  const connect = (index: number): void => {
    const client = newClient('psk', { random, ...WITH_CID });
    client.connect(0);
    while (!client.connected) {
      for (const bytes of client.poll().datagrams) worker.server.handle(0, { peer: `dtls:10.0.0.1:${index}`, bytes });
      for (const { bytes } of worker.settle(0)) client.handle(0, bytes);
    }
    client.send(randomBytes(8));
    for (const bytes of client.poll().datagrams) worker.server.handle(0, { peer: `dtls:10.0.0.1:${index}`, bytes });
    worker.settle(0);
    worker.happened.length = 0;
    worker.store.fixed.clear();
    worker.store.lastFlights.clear();
  };
  const settled = async (): Promise<NodeJS.MemoryUsage> => {
    for (let round = 0; round < 5; round++) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return process.memoryUsage();
  };
  connect(-1);
  const before = await settled();
  for (let index = 0; index < count; index++) connect(index);
  const after = await settled();
  const bytes = after.heapUsed + after.external - before.heapUsed - before.external;
  if (worker.server.usage.associations !== count + 1) throw new Error('associations are missing');
  console.log(`${'heap of an association (with --expose-gc)'.padEnd(56)} ${(bytes / count).toFixed(0).padStart(8)} bytes`);
}

console.log('--- the primitives alone');
const key = createSecretKey(randomBytes(16));
const secret = createSecretKey(randomBytes(48));
const content = randomBytes(64);
const nonce = randomBytes(12);
const header = randomBytes(13);
const sealed = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: 8 });
sealed.setAAD(header, { plaintextLength: 64 });
const ciphertext = sealed.update(content);
sealed.final();
const tag = sealed.getAuthTag();
measure('AES-128-CCM-8, seal 64 bytes', 100_000, () => {
  const cipher = createCipheriv('aes-128-ccm', key, nonce, { authTagLength: 8 });
  cipher.setAAD(header, { plaintextLength: 64 });
  cipher.update(content);
  cipher.final();
  cipher.getAuthTag();
});
measure('AES-128-CCM-8, open 64 bytes', 100_000, () => {
  const decipher = createDecipheriv('aes-128-ccm', key, nonce, { authTagLength: 8 });
  decipher.setAuthTag(tag);
  decipher.setAAD(header, { plaintextLength: 64 });
  decipher.update(ciphertext);
  decipher.final();
});
measure('HMAC-SHA256 of 64 bytes (a PSK handshake has 15)', 100_000, () => createHmac('sha256', secret).update(content).digest());
const [own, other] = [generateKeyPairSync('ec', { namedCurve: 'P-256' }), generateKeyPairSync('ec', { namedCurve: 'P-256' })];
const signature = sign('sha256', content, own.privateKey);
measure('P-256: key pair', 2_000, () => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
measure('P-256: ECDSA sign', 2_000, () => sign('sha256', content, own.privateKey));
measure('P-256: ECDSA verify', 2_000, () => verify('sha256', content, own.publicKey, signature));
measure('P-256: ECDH', 2_000, () => diffieHellman({ privateKey: own.privateKey, publicKey: other.publicKey }));

console.log('--- records of 64 bytes');
for (const cipher of CIPHERS) {
  for (const cid of [EMPTY_BYTES, randomBytes(14)]) {
    const under = protection(cipher, { cid });
    const sealer = createSealer(under, random);
    const opener = createOpener(under);
    let sequence = 0;
    const what = `${cipher}${cid.length > 0 ? ', CID' : ''}`;
    measure(`seal, ${what}`, 50_000, () => sealer.seal(23, sequence++, content));
    const datagram = sealer.seal(23, 1, content);
    measure(`split and open, ${what}`, 50_000, () => opener.open(splitDatagram(datagram, 14).records[0]!));
  }
}

console.log('--- the server engine');
measureExchange('a record in and one out, CCM-8, CID', { cipherSuites: [0xc0a8], ...WITH_CID });
measureExchange('a record in and one out, CCM-8', { cipherSuites: [0xc0a8] });
measureHandshake('handshake, PSK with CCM-8, CID', 'psk', { cipherSuites: [0xc0a8], ...WITH_CID }, 4_000);
measureHandshake('handshake, PSK with CBC', 'psk', { cipherSuites: [0x00ae] }, 4_000);
measureHandshake('handshake, ECDHE_ECDSA with CCM-8, mutual X.509', 'x509', { cipherSuites: [0xc0ae] }, 1_000);
measureHandshake('handshake, ECDHE_ECDSA with CCM-8, raw public keys', 'rpk', { cipherSuites: [0xc0ae] }, 1_000);
await heapPerAssociation();

for (const tickets of [false, true]) {
  const worker = newWorker(newStore(), { random });
  const client = newClient('psk', { random, tickets, cipherSuites: [0xc0a8], ...WITH_CID });
  client.connect(0);
  while (!client.connected) {
    for (const bytes of client.poll().datagrams) worker.server.handle(0, { peer: 'dtls:198.51.100.200:40000', bytes });
    for (const { bytes } of worker.settle(0)) client.handle(0, bytes);
  }
  const { fixed, moving, lastFlight } = worker.of('store-wanted')[0]!;
  const what = `stored, CCM-8, 15-byte identity${tickets ? ', ticket' : ''}: fixed + moving (+ last flight)`;
  console.log(`${what.padEnd(70)} ${fixed.length} + ${moving.length} (+ ${lastFlight!.length}) bytes`);
}
