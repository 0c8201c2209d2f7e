import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Metrics } from '@cluster/telemetry';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Datagram, openUdp, UdpBindError, type UdpOptions, type UdpTransport } from './index.ts';

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()));
});

/** A transport whose batches are kept, and that tells when one more has come. */
async function opened(options: Partial<UdpOptions> = {}) {
  const batches: Datagram[][] = [];
  let wake = () => {};
  const udp = await openUdp({
    bind: ['127.0.0.1'], port: 0, ...options,
    onBatch: (batch) => {
      batches.push(batch);
      wake();
    },
  });
  closing.push(udp);
  const received = async (count: number) => {
    while (batches.flat().length < count) await new Promise<void>((resolve) => (wake = resolve));
    return batches;
  };
  return { udp, received, batches };
}

async function device(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket(address === '::1' ? 'udp6' : 'udp4');
  closing.push(socket);
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

const sent = (socket: Socket, bytes: Uint8Array, udp: UdpTransport, to = '127.0.0.1') =>
  new Promise((resolve) => socket.send(bytes, udp.port, to, resolve));

describe('openUdp', () => {
  it.each([['127.0.0.1', 'udp:127.0.0.1:'], ['::1', 'udp:[::1]:']])('on %s answers from its own port', async (address, peer) => {
    const { udp, received } = await opened({ bind: ['127.0.0.1', '::1'] });
    const socket = await device(address);
    await sent(socket, Uint8Array.of(1, 2), udp, address);
    const [[datagram]] = (await received(1)) as [[Datagram]];
    expect(datagram.peer).toBe(peer + socket.address().port);
    expect([...datagram.bytes]).toEqual([1, 2]);
    udp.send([{ peer: datagram.peer, bytes: Uint8Array.of(3) }]);
    const [answer, from] = (await once(socket, 'message')) as [Buffer, { port: number; address: string }];
    expect([[...answer], from.port, from.address]).toEqual([[3], udp.port, address]);
  });

  it('hands over in one batch what came in one turn of the event loop', async () => {
    const { udp, received } = await opened();
    const socket = await device();
    await Promise.all(Array.from({ length: 20 }, (_, index) => sent(socket, Uint8Array.of(index), udp)));
    const batches = await received(20);
    expect(batches.flat().map((datagram) => datagram.bytes[0])).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(batches.length).toBeLessThan(20);
  });

  it('drops what is empty or too large, and counts it', async () => {
    const { udp, received } = await opened({ maxDatagramBytes: 100 });
    const socket = await device();
    for (const length of [0, 101, 100]) await sent(socket, new Uint8Array(length), udp);
    const batches = await received(1);
    expect(batches.flat().map((datagram) => datagram.bytes.length)).toEqual([100]);
    const { received: all, empty, oversize, receivedBytes } = udp.counters;
    expect([all.value, empty.value, oversize.value, receivedBytes.value]).toEqual([3, 1, 1, 201]);
  });

  it('never throws for a peer it cannot reach', async () => {
    const { udp } = await opened();
    const bytes = Uint8Array.of(1);
    udp.send([
      { peer: 'udp:[::1]:5683', bytes }, { peer: 'tcp:127.0.0.1:5683', bytes }, { peer: 'udp:host.invalid:5683', bytes },
      { peer: 'udp:127.0.0.1:9', bytes: new Uint8Array(70_000) },
    ]);
    expect([udp.counters.unroutable.value, udp.counters.oversize.value, udp.counters.sent.value]).toEqual([3, 1, 0]);
  });

  it('goes on after a port of a peer is closed', async () => {
    const { udp, received } = await opened();
    const gone = await device();
    const peer = `udp:127.0.0.1:${gone.address().port}`;
    await new Promise<void>((resolve) => gone.close(() => resolve()));
    closing.splice(closing.indexOf(gone), 1);
    udp.send([{ peer, bytes: Uint8Array.of(1) }, { peer, bytes: Uint8Array.of(2) }]);
    await sent(await device(), Uint8Array.of(7), udp);
    expect((await received(1)).flat()[0]?.bytes[0]).toBe(7);
  });

  it('tells its counters to the registry', async () => {
    const metrics = new Metrics();
    const { udp, received } = await opened({ metrics });
    await sent(await device(), Uint8Array.of(1), udp);
    await received(1);
    expect(metrics.renderPrometheus()).toContain('lwm2m_udp_datagrams_total{direction="in"} 1\n');
  });

  it('refuses a port that is taken', async () => {
    const { udp } = await opened();
    const again = openUdp({ bind: ['127.0.0.1'], port: udp.port, onBatch: () => {} });
    await expect(again).rejects.toBeInstanceOf(UdpBindError);
    await expect(again).rejects.toMatchObject({ code: 'UDP_BIND_FAILED', cause: { code: 'EADDRINUSE' } });
  });

  it('shares its port where all agree: peers are spread, each stays with one, and all go on with who is left', async () => {
    const first = await opened({ reusePort: true });
    const second = await opened({ reusePort: true, port: first.udp.port });
    const sockets = await Promise.all(Array.from({ length: 40 }, () => device()));
    const round = async () => {
      for (const socket of sockets) await sent(socket, Uint8Array.of(1), first.udp);
    };
    await round();
    await round();
    const peersOf = ({ batches }: typeof first) => new Set(batches.flat().map(({ peer }) => peer));
    await vi.waitFor(() => expect(first.batches.flat().length + second.batches.flat().length).toBe(80));
    expect([peersOf(first).size > 0, peersOf(second).size > 0]).toEqual([true, true]);
    expect(new Set([...peersOf(first), ...peersOf(second)]).size).toBe(peersOf(first).size + peersOf(second).size);
    await second.udp.close();
    await round();
    await vi.waitFor(() => expect(peersOf(first).size).toBe(40));
  });

  it('refuses an address that is not of this host, and leaves no socket open', async () => {
    const { udp } = await opened();
    const port = udp.port;
    await udp.close();
    const foreign = openUdp({ bind: ['127.0.0.1', '2001:db8::1'], port, onBatch: () => {} });
    await expect(foreign).rejects.toMatchObject({ code: 'UDP_BIND_FAILED' });
    const { udp: again } = await opened({ port });
    expect(again.port).toBe(port);
  });

  it('sends nothing and does not throw once closed', async () => {
    const { udp } = await opened();
    await udp.close();
    await udp.close();
    udp.send([{ peer: 'udp:127.0.0.1:9', bytes: Uint8Array.of(1) }]);
    expect(udp.counters.sent.value).toBe(0);
  });
});
