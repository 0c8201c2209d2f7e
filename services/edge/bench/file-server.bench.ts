/** Prints the µs of CPU and the memory that a 1 KiB block of a package costs, next to an engine that answers 1 KiB by itself. Run with node. */
import { Code, CoapEngine, encodeMessage, MessageType, OptionNumber } from '@cluster/coap';
import { sealLink } from '@cluster/firmware';
import { CachedReader, DirectoryStorage } from '@cluster/package-storage';
import { KeyRing } from '@cluster/secrets';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileServer } from '../src/files/file-server.ts';

const SIZE = 1_048_576;
const BLOCKS = SIZE / 1_024;
const DEVICES = 200;
const ID = 'A'.repeat(22);
const ring = new KeyRing([{ id: 1, bytes: new Uint8Array(32) }]);

const directory = await mkdtemp(join(tmpdir(), 'bench-'));
const storage = await DirectoryStorage.open(directory);
await storage.append(ID, 0, SIZE, (async function* () { yield new Uint8Array(SIZE); })());
await storage.complete(ID);

let seed = 1;
const rng = { uint32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) };
const engine = new CoapEngine({ rng });
const files = new FileServer({
  reader: new CachedReader(storage, { stretchBytes: 65_536, mostBytes: 16 * 1_048_576 }), ring, rng, nowS: () => 1, isAtHome: () => true,
  respond: (exchange, response) => engine.respond(0, exchange, response), counters: { served: () => {}, refused: () => {} },
});
const link = Buffer.from(sealLink(ring, { package: ID, device: 'AAAAAAAA', expiresAtS: 100 }));

function request(num: number, messageId: number): Uint8Array {
  const options = [
    { number: OptionNumber.URI_PATH, value: Buffer.from('fw') }, { number: OptionNumber.URI_PATH, value: link },
    { number: OptionNumber.BLOCK2, value: Buffer.from([num >> 12, num >> 4, ((num & 0xf) << 4) | 6]) },
  ];
  return encodeMessage({ type: MessageType.CON, code: Code.GET, messageId, token: Uint8Array.of(1, 2, 3, 4), options, payload: new Uint8Array(0) });
}

/** All devices ask for each block in turn, as many transfers at once do. */
async function measure(name: string, serve: (event: { peer: string; exchange: number; message: never }) => void): Promise<void> {
  let [usedUs, bytes] = [0, 0];
  const startMs = performance.now();
  for (let num = 0; num < BLOCKS; num++) {
    const batch = Array.from({ length: DEVICES }, (_, device) => ({ peer: `udp:10.0.0.${device}:${name.length}`, bytes: request(num, num) }));
    const before = process.cpuUsage();
    for (const datagram of batch) engine.handle(num, datagram);
    for (const event of engine.poll().events) if (event.kind === 'request') serve(event as never);
    let answers = 0;
    while (answers < DEVICES) {
      const { datagrams } = engine.poll();
      for (const datagram of datagrams) bytes += datagram.bytes.length;
      answers += datagrams.length;
      if (answers < DEVICES) await new Promise(setImmediate);
    }
    const used = process.cpuUsage(before);
    usedUs += used.user + used.system;
  }
  const blocks = DEVICES * BLOCKS;
  if (bytes < blocks * 1_024) throw new Error(`${bytes} bytes`);
  globalThis.gc?.();
  const rss = Math.round(process.memoryUsage().rss / 1_048_576);
  console.log(`${name.padEnd(36)} ${(usedUs / blocks).toFixed(2)} µs a block, ${Math.round(blocks / 1_024 / ((performance.now() - startMs) / 1_000))} MiB/s, RSS ${rss} MiB`);
}

const payload = new Uint8Array(1_024);
for (const round of ['warm-up, ', '']) {
  await measure(`${round}engine alone, 1 KiB`, ({ exchange }) => engine.respond(0, exchange, { code: Code.CONTENT, payload, block2: { num: 0, szx: 6, more: true, size: SIZE } }));
  await measure(`${round}file server, Block2 of 1 KiB`, (event) => files.handle(event));
}
await rm(directory, { recursive: true });
