/** What a server engine counts: plain numbers, to be read by whoever exports metrics. */

/** Why a record was dropped without an answer (RFC 6347 §4.1.2.7; OMA Transport 1.1.1 §5.2.9). */
const RECORD_DROPS = [
  'malformed',
  'unknown-association',
  'invented-cid',
  'unknown-cid',
  'replayed',
  'bad-record',
  'unexpected',
  'held-overflow',
  'association-limit',
] as const;
export type RecordDrop = (typeof RECORD_DROPS)[number];

/** Why a handshake ended without an association. */
const REFUSALS = [
  'malformed-hello',
  'protocol-version',
  'no-common-parameters',
  'unknown-server-name',
  'renegotiation',
  'unexpected-message',
  'malformed-message',
  'unknown-identity',
  'finished',
  'bad-key-share',
  'no-certificate',
  'certificate',
  'signature',
  'extended-master-secret',
  'not-stored',
  'work-refused',
  'peer-alert',
  'timeout',
  'half-open-limit',
  'displaced',
  'replaced',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Totals since the engine began. */
export interface DtlsServerCounters {
  datagramsIn: number;
  datagramsOut: number;
  readonly dropped: Record<RecordDrop, number>;
  readonly refused: Record<Refusal, number>;
  helloVerifyRequests: number;
  badCookies: number;
  handshakesBegun: number;
  handshakesCompleted: number;
  resumed: number;
  adopted: number;
  takeoversRefused: number;
  retransmissions: number;
  recordsIn: number;
  recordsOut: number;
  addressChanges: number;
  evicted: number;
  /** Answers to questions that nobody asks any more. */
  lateAnswers: number;
}

export function newServerCounters(): DtlsServerCounters {
  return {
    datagramsIn: 0,
    datagramsOut: 0,
    dropped: zeros(RECORD_DROPS),
    refused: zeros(REFUSALS),
    helloVerifyRequests: 0,
    badCookies: 0,
    handshakesBegun: 0,
    handshakesCompleted: 0,
    resumed: 0,
    adopted: 0,
    takeoversRefused: 0,
    retransmissions: 0,
    recordsIn: 0,
    recordsOut: 0,
    addressChanges: 0,
    evicted: 0,
    lateAnswers: 0,
  };
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
