/** A storm of handshakes with certificates on both sides: so many devices at a time, each begins anew as soon as it is connected. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { DtlsClient, type KeyObject, randomPool } from '@cluster/dtls';
import { serve } from '../child.ts';

/** TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 */
const ECDHE_CCM_8 = 0xc0ae;
const TIMER_MS = 100;

export interface StormPlan {
  readonly port: number;
  readonly forMs: number;
  /** SubjectPublicKeyInfo of the server, DER in base64. */
  readonly serverKey: string;
  /** The chains of the devices and their private keys, DER in base64; so many shake hands at a time. */
  readonly devices: readonly { readonly chain: readonly string[]; readonly key: string }[];
}

const random = randomPool();
const der = (base64: string): Buffer => Buffer.from(base64, 'base64');

/** Shakes hands again and again until the time is over; returns how often it was connected. */
async function device({ port, forMs }: StormPlan, serverKey: KeyObject, { chain, key }: StormPlan['devices'][number]): Promise<number> {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const certificate = { type: 'x509' as const, chain: chain.map(der), privateKey: createPrivateKey({ key: der(key), format: 'der', type: 'pkcs8' }) };
  const endMs = performance.now() + forMs;
  let connected = 0;
  let client: DtlsClient;
  const begin = (): void => {
    client = new DtlsClient({ random, certificate, judgeServer: () => serverKey, cipherSuites: [ECDHE_CCM_8], connectionId: new Uint8Array(0) });
    client.connect(performance.now());
    flush();
  };
  const flush = (): void => {
    const { datagrams, events } = client.poll();
    for (const datagram of datagrams) socket.send(datagram);
    for (const { kind } of events) if (kind === 'connected') connected++;
    if (events.some(({ kind }) => kind === 'connected' || kind === 'failed') && performance.now() < endMs) begin();
  };
  socket.on('message', (datagram) => {
    client.handle(performance.now(), datagram);
    flush();
  });
  const timer = setInterval(() => {
    client.timeout(performance.now());
    flush();
  }, TIMER_MS);
  begin();
  await new Promise((over) => setTimeout(over, forMs));
  clearInterval(timer);
  socket.close();
  return connected;
}

const methods = {
  async storm(plan: StormPlan): Promise<number> {
    const serverKey = createPublicKey({ key: der(plan.serverKey), format: 'der', type: 'spki' });
    const connected = await Promise.all(plan.devices.map((each) => device(plan, serverKey, each)));
    return connected.reduce((sum, count) => sum + count, 0);
  },
};
export type Storm = typeof methods;

serve(methods);
