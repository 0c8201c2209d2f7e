import { once } from 'node:events';
import { createSocket, type Socket } from 'node:dgram';
import { generate, parse, type Packet, type ParsedPacket } from 'coap-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedDevice } from './simulated-device.ts';

let peer: Socket;
let device: SimulatedDevice;

beforeEach(async () => {
  peer = createSocket('udp4').bind(0, '127.0.0.1');
  await once(peer, 'listening');
  device = new SimulatedDevice({ endpoint: 'raw', server: `coap://127.0.0.1:${peer.address().port}` });
  await device.open();
});

afterEach(() => {
  device.kill();
  peer.close();
});

async function exchange(packet: Packet): Promise<ParsedPacket> {
  const answer = next();
  peer.send(generate(packet), device.localPort, '127.0.0.1');
  return answer;
}

async function next(): Promise<ParsedPacket> {
  const [datagram] = (await once(peer, 'message')) as [Buffer];
  return parse(datagram);
}

/** A block of PUT /5/0/0, 16 bytes each. */
function block(num: number, more: boolean, messageId: number): Packet {
  const path = ['5', '0', '0'].map((segment) => ({ name: 'Uri-Path', value: Buffer.from(segment) }) as const);
  const options = [
    ...path,
    { name: 'Content-Format', value: Buffer.of(42) } as const,
    { name: 'Block1', value: Buffer.of(num * 16 + (more ? 8 : 0)) } as const,
  ];
  const token = Buffer.of(messageId); // a new one for each block
  return { code: '0.03', confirmable: true, messageId, token, options, payload: Buffer.alloc(more ? 16 : 5, num) };
}

describe('the shared port', () => {
  it('answers a ping with RST', async () => {
    const pong = await exchange({ code: '0.00', confirmable: true, messageId: 7 });
    expect(pong).toMatchObject({ reset: true, messageId: 7, code: '0.00' }); // RFC 7252 §4.3
  });

  it('joins blocks that come with different tokens', async () => {
    const written = once(device, 'written');
    expect(await exchange(block(0, true, 1))).toMatchObject({ code: '2.31' });
    expect(await exchange(block(1, true, 2))).toMatchObject({ code: '2.31' });
    const last = await exchange(block(2, false, 3));
    expect(last.code).toBe('2.04');
    expect(last.options).toContainEqual({ name: 'Block1', value: Buffer.of(0x20) }); // RFC 7959 §2.9.1
    expect((await written)[0].payload).toEqual(Buffer.concat([Buffer.alloc(16, 0), Buffer.alloc(16, 1), Buffer.alloc(5, 2)]));
  });

  it('answers a body with a gap with 4.08', async () => {
    await exchange(block(0, true, 1));
    const answer = await exchange(block(2, false, 2));
    expect(answer).toMatchObject({ code: '4.08', ack: true, messageId: 2, token: Buffer.of(2) }); // RFC 7959 §2.9.2
  });

  it('starts a body anew at its first block', async () => {
    await exchange(block(0, true, 1));
    await exchange(block(3, true, 2));
    await exchange(block(0, true, 3));
    expect(await exchange(block(1, false, 4))).toMatchObject({ code: '2.04' });
  });

  it('repeats a request with the Echo that it was given', async () => {
    const updated = device.request({ method: 'POST', path: ['rd', 'x'] });
    const first = await next();
    const challenge = { code: '4.01', ack: true, messageId: first.messageId, token: first.token };
    const echo = { name: '252', value: Buffer.from('c0ffee', 'hex') };
    const second = await exchange({ ...challenge, options: [echo] });
    expect(second.options).toContainEqual(echo); // RFC 9175 §2.3
    peer.send(generate({ code: '2.04', ack: true, messageId: second.messageId, token: second.token }), device.localPort, '127.0.0.1');
    expect((await updated).code).toBe('2.04');
  });

  it('tells who waits that no response comes when it is closed', async () => {
    const updated = device.request({ method: 'POST', path: ['rd', 'x'] });
    device.kill();
    await expect(updated).rejects.toMatchObject({ code: 'DEVICE_NO_RESPONSE' });
  });
});
