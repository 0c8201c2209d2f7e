/** What edges counted in all: an edge that is killed takes its counters along, so they are read before. */
import type { Member } from '../../src/member.ts';

const COUNTED = {
  takeovers: ['lwm2m_dtls_takeovers_total', ''],
  takeoversRefused: ['lwm2m_dtls_takeovers_refused_total', ''],
  discarded: ['lwm2m_dtls_closed_total', 'reason="discarded"'],
  addressChanges: ['lwm2m_dtls_address_changes_total', ''],
  replayed: ['lwm2m_dtls_records_dropped_total', 'reason="replayed"'],
  notRepeated: ['lwm2m_dtls_unsure_requests_total', ''],
  handshakesBegun: ['lwm2m_dtls_handshakes_begun_total', ''],
  handshakes: ['lwm2m_dtls_handshakes_total', ''],
} as const;
type Counted = keyof typeof COUNTED;

export class EdgeTally {
  readonly #sums = new Map<Counted, number>();

  /** Call before an edge ends, and of all at the end. */
  async add(edge: Member): Promise<void> {
    for (const [name, [metric, labels]] of Object.entries(COUNTED) as [Counted, readonly [string, string]][]) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + (await edge.metric(metric, labels)));
    }
  }

  toString(): string {
    return [...this.#sums].map(([name, sum]) => `${name} ${sum}`).join(', ');
  }
}
