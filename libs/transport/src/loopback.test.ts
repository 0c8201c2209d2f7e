import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { CoapEngine, Code, decodeMessage, encodeMessage, MessageType } from '@cluster/coap';
import { afterEach, expect, it } from 'vitest';
import { EngineDriver, openUdp } from './index.ts';

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()));
});

/** A CoAP server over real sockets whose requests a test answers. */
async function server() {
  const driver = new EngineDriver(new CoapEngine({ rng: { uint32: () => 7 } }));
  const udp = await openUdp({ bind: ['127.0.0.1'], port: 0, onBatch: driver.receive });
  driver.attach(udp);
  closing.push(udp, driver);
  return { driver, port: udp.port };
}

async function client() {
  const socket = createSocket('udp4');
  closing.push(socket);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

const get = encodeMessage({
  type: MessageType.CON, code: Code.GET, messageId: 0x1234, token: Uint8Array.of(1), options: [], payload: new Uint8Array(),
});

it('an engine answers a request that comes over a socket', async () => {
  const { driver, port } = await server();
  driver.onEvents((events) => {
    for (const event of events) {
      if (event.kind === 'request') driver.run((coap, nowMs) => coap.respond(nowMs, event.exchange, { code: Code.CONTENT }));
    }
  });
  const socket = await client();
  socket.send(get, port, '127.0.0.1');
  const [bytes] = (await once(socket, 'message')) as [Buffer];
  expect(decodeMessage(bytes)).toMatchObject({ ok: true, message: { type: MessageType.ACK, code: Code.CONTENT, messageId: 0x1234 } });
});

it('an engine repeats by its own timer a request that nobody answers', async () => {
  const { driver } = await server();
  const socket = await client();
  const peer = `udp:127.0.0.1:${socket.address().port}`;
  const token = Uint8Array.of(1);
  const request = { peer, token, messageId: 1, nextMessageId: () => 2, code: Code.GET, options: [], ackTimeoutMs: 20 };
  driver.run((coap, nowMs) => coap.request(nowMs, request));
  const [first] = (await once(socket, 'message')) as [Buffer];
  const [second] = (await once(socket, 'message')) as [Buffer];
  expect(second).toEqual(first);
});
