/** What the UDP transport counts. */
import type { Counter, Metrics } from '@cluster/telemetry';

export interface UdpCounters {
  readonly received: Counter;
  readonly receivedBytes: Counter;
  readonly sent: Counter;
  readonly sentBytes: Counter;
  /** Came without a byte. */
  readonly empty: Counter;
  /** Larger than is taken or can be sent. */
  readonly oversize: Counter;
  /** To a peer that no open socket can reach. */
  readonly unroutable: Counter;
  /** Not sent: the queue to the kernel was full. */
  readonly overflow: Counter;
  /** Errors that the system told. */
  readonly errors: Counter;
}

/** Declares the counters, once for a registry. */
export function udpCounters(metrics: Metrics): UdpCounters {
  const datagrams = (direction: string) => metrics.counter('lwm2m_udp_datagrams_total', 'UDP datagrams', { direction });
  const bytes = (direction: string) => metrics.counter('lwm2m_udp_bytes_total', 'Bytes in UDP datagrams', { direction });
  const dropped = (reason: string) => metrics.counter('lwm2m_udp_dropped_total', 'UDP datagrams dropped by the transport', { reason });
  return {
    received: datagrams('in'),
    receivedBytes: bytes('in'),
    sent: datagrams('out'),
    sentBytes: bytes('out'),
    empty: dropped('empty'),
    oversize: dropped('oversize'),
    unroutable: dropped('unroutable'),
    overflow: dropped('overflow'),
    errors: metrics.counter('lwm2m_udp_errors_total', 'Errors of UDP sockets'),
  };
}
