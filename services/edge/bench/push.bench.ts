/**
 * Prints the µs of CPU that a 1 KiB block costs which is pushed by Block1 from the durable queue (embedded store), next to two
 * engines that pass the same body in memory, and to a Read from the same queue. Device, edge and store share the process: all
 * of it is counted. Run with node.
 */
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { Code, CoapEngine, OptionNumber } from '@cluster/coap';
import { DirectoryStorage } from '@cluster/package-storage';
import { openHarness } from '../src/testing/harness.ts';

const SIZE = 1_048_576;
const BLOCKS = SIZE / 1_024;
const READS = 200;
const ID = 'p'.repeat(22);
const PEER = 'peer';
let seed = 1;
const rng = { uint32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) };

function report(name: string, before: NodeJS.CpuUsage, startMs: number, count = BLOCKS): void {
  const { user, system } = process.cpuUsage(before);
  const ms = (performance.now() - startMs) / count;
  console.log(`${name.padEnd(44)} ${((user + system) / count).toFixed(1)} µs each, one every ${ms.toFixed(2)} ms`);
}

/** One engine sends the whole body to another. */
function plainLoop(): void {
  const [client, server] = [new CoapEngine({ rng }), new CoapEngine({ rng })];
  let messageId = 0;
  client.request(0, { peer: PEER, token: Uint8Array.of(1), messageId: ++messageId, nextMessageId: () => ++messageId, code: Code.PUT, options: [], payload: new Uint8Array(SIZE) });
  for (let done = false; !done; ) {
    for (const { bytes } of client.poll().datagrams) server.handle(0, { peer: PEER, bytes });
    const { events, datagrams } = server.poll();
    const answers = [...datagrams];
    for (const event of events) if (event.kind === 'request') server.respond(0, event.exchange, { code: Code.CHANGED });
    for (const { bytes } of [...answers, ...server.poll().datagrams]) client.handle(0, { peer: PEER, bytes });
    done = events.some(({ kind }) => kind === 'request');
  }
}

/** A device that takes whatever is written, on a socket of its own. */
async function lightDevice(port: number, endpoint: string): Promise<{ registered: Promise<void>; close(): void }> {
  const socket = createSocket('udp4');
  const engine = new CoapEngine({ rng });
  const registered = Promise.withResolvers<void>();
  const flush = (): void => {
    for (;;) {
      const { datagrams, events } = engine.poll();
      for (const event of events) {
        if (event.kind === 'request') engine.respond(0, event.exchange, { code: Code.CHANGED });
        if (event.kind === 'response') registered.resolve();
      }
      for (const { bytes } of datagrams) socket.send(bytes, port, '127.0.0.1');
      if (datagrams.length + events.length === 0) return;
    }
  };
  socket.on('message', (bytes) => {
    engine.handle(0, { peer: PEER, bytes });
    flush();
  });
  await new Promise<void>((bound) => socket.bind(0, '127.0.0.1', bound));
  const query = [`b=U`, `ep=${endpoint}`, 'lt=300', 'lwm2m=1.1'].map((text) => ({ number: OptionNumber.URI_QUERY, value: Buffer.from(text) }));
  const options = [{ number: OptionNumber.URI_PATH, value: Buffer.from('rd') }, { number: OptionNumber.CONTENT_FORMAT, value: Uint8Array.of(40) }, ...query];
  engine.request(0, { peer: PEER, token: Uint8Array.of(1), messageId: 1, nextMessageId: () => 2, code: Code.POST, options, payload: Buffer.from('</1/0>,</3/0>,</5/0>') });
  flush();
  return { registered: registered.promise, close: () => socket.close() };
}

for (const name of ['warm-up, two engines alone', 'two engines alone, Block1 of 1 KiB']) {
  const [before, startMs] = [process.cpuUsage(), performance.now()];
  plainLoop();
  report(name, before, startMs);
}

const harness = await openHarness();
const storage = await DirectoryStorage.open(join(harness.directory, 'packages'));
await storage.append(ID, 0, SIZE, (async function* () { yield new Uint8Array(SIZE); })());
await storage.complete(ID);
const edge = await harness.start({}, (deps) => ({ ...deps, packages: { reader: storage } }));
const device = await lightDevice(edge.coapPort ?? 0, 'bench');
await device.registered;
for (const name of ['warm-up, durable queue', 'durable queue to device, Block1 of 1 KiB']) {
  const [before, startMs] = [process.cpuUsage(), performance.now()];
  const { response } = await harness.command('bench', { op: 'write', path: '/5/0/0', package: ID });
  if (response?.code !== '2.04') throw new Error(JSON.stringify(response));
  report(name, before, startMs);
}
for (const name of ['warm-up, Reads', 'a Read, one after another']) {
  const [before, startMs] = [process.cpuUsage(), performance.now()];
  for (let i = 0; i < READS; i++) await harness.command('bench', { op: 'read', path: '/3/0/9' });
  report(name, before, startMs, READS);
}
device.close();
await harness.close();
