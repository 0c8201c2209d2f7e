/** Opens the sockets of a {@link CoapFront}: plain CoAP on one port, CoAP over DTLS on another. */
import type { Config } from '@cluster/config';
import type { Metrics } from '@cluster/telemetry';
import { type Datagram, openUdp, type UdpTransport } from '@cluster/transport';
import type { CoapFront } from './coap-front.ts';

/** An open socket, as far as a service needs it. */
export type OpenSocket = Pick<UdpTransport, 'port' | 'send' | 'close'>;

export interface OpenSockets {
  /** Undefined where plain CoAP is not served. */
  readonly plain: OpenSocket | undefined;
  /** Undefined without a secret. */
  readonly secure: OpenSocket | undefined;
}

/** Ports by what is served there. 0: any free one. */
export interface CoapPorts {
  /** Undefined: no plain CoAP. */
  readonly plain: number | undefined;
  readonly secure: number;
}

/** Opens the sockets that the front can serve; it sends by them once it is attached to them. Rejects if a port is taken. */
export async function listen(front: CoapFront, ports: CoapPorts, { bind, tickMs, reusePort }: Pick<Config, 'bind' | 'tickMs' | 'reusePort'>, metrics: Metrics): Promise<OpenSockets> {
  const open = (port: number, onBatch: (batch: readonly Datagram[]) => void) => openUdp({ bind, port, tickMs, reusePort, onBatch, metrics });
  const plain = ports.plain === undefined ? undefined : await open(ports.plain, front.receive);
  const { dtls } = front;
  try {
    return { plain, secure: dtls && (await open(ports.secure, (batch) => dtls.receive(batch))) };
  } catch (error) {
    await plain?.close();
    throw error;
  }
}
