/** Writes the corpus anew, from conversations of the two engines: `node --conditions=@cluster/source libs/dtls/fuzz/write-corpus.ts`. */
import { writeFileSync } from 'node:fs';
import { encodeUtf8, toHex } from '@cluster/bytes';
import type { DtlsClientOptions } from '../src/index.ts';
import { seededIntegers } from '../test/fixtures.ts';
import { TestNetwork } from '../test/network.ts';
import { WITH_CID, newClient, newStore, newWorker } from '../test/peers.ts';

const KINDS: readonly (readonly [name: string, kind: 'psk' | 'x509' | 'rpk', options: Partial<DtlsClientOptions>])[] = [
  ['psk-ccm8', 'psk', { serverName: 'server.example.com' }],
  ['psk-cbc-etm-cid', 'psk', { cipherSuites: [0x00ae], ...WITH_CID }],
  ['psk-cbc-small-datagrams', 'psk', { cipherSuites: [0x00ae], encryptThenMac: false, maxDatagramBytes: 100 }],
  ['psk-gcm-cid-ticket', 'psk', { cipherSuites: [0x00a8], connectionId: Uint8Array.of(1, 2, 3), tickets: true, recordSizeLimit: 200 }],
  ['x509-ccm8', 'x509', { maxDatagramBytes: 400, maxFragmentLength: 512 }],
  ['rpk-cbc', 'rpk', { cipherSuites: [0xc023] }],
];

for (const [name, kind, options] of KINDS) {
  const network = new TestNetwork(newWorker(newStore(), { maxDatagramBytes: 400 }), seededIntegers(1));
  const client = newClient(kind, options);
  network.add('device', client);
  client.connect(network.nowMs);
  network.run(network.nowMs + 5_000);
  client.send(encodeUtf8('up'));
  network.run(network.nowMs + 1_000);
  const { session } = network.happened('device', 'connected')[0]!;
  client.close();
  const again = newClient(kind, { ...options, session }, 3);
  network.add('device', again);
  again.connect(network.nowMs);
  network.run(network.nowMs + 5_000);
  const lines = network.captured.map(({ from, bytes }) => `${from === 'server' ? '<' : '>'} ${toHex(bytes)}`);
  writeFileSync(new URL(`corpus/${name}.hex`, import.meta.url), [`# ${name}: handshake, data, close, resumption`, ...lines, ''].join('\n'));
}
