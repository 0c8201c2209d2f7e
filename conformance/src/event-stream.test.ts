import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventTypes } from '@cluster/contracts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openEventStream, type EventStream } from './event-stream.ts';

const EVENT = { id: 'e1', type: eventTypes.updated, time: '2026-03-01T09:00:00Z', endpoint: 'demo', tenant: 'default', data: { text: 'ü' } };

let server: ReturnType<typeof createServer>;
let response: ServerResponse;
let stream: EventStream;

beforeEach(async () => {
  server = createServer((_, answer) => {
    response = answer;
    answer.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stream = await openEventStream((server.address() as AddressInfo).port);
});

afterEach(() => {
  stream.close();
  server.closeAllConnections();
  server.close();
});

it('reads events that come in pieces, past comments, ids and gaps', async () => {
  const frame = Buffer.from(`retry: 2000\n\n: \n\nevent: gap\ndata: {"topic":"t","partition":0}\n\nid: 1\nevent: x\ndata: ${JSON.stringify(EVENT)}\n\n`);
  const middle = frame.indexOf('ü') + 1; // inside of a character
  response.write(frame.subarray(0, middle));
  response.write(frame.subarray(middle));
  expect(await stream.log.next('demo', eventTypes.updated)).toEqual(EVENT);
});

it('gives each event once, and says what came where nothing fits', async () => {
  response.write(`data: ${JSON.stringify(EVENT)}\n\n`);
  await stream.log.next('demo', eventTypes.updated);
  response.write(`data: ${JSON.stringify({ ...EVENT, type: eventTypes.registered })}\n\n`);
  const missing = stream.log.next('demo', eventTypes.updated, () => true, 50);
  await expect(missing).rejects.toMatchObject({ code: 'EVENT_MISSING', message: expect.stringContaining('registration.registered') });
});
