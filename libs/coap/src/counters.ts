/** What an engine counts: plain numbers, to be read by whoever exports metrics. */
import { DECODE_FAULTS } from './message/decode.ts';
import type { DecodeFault } from './message/decode.ts';

/** Totals since the engine began. */
export interface CoapCounters {
  datagramsIn: number;
  datagramsOut: number;
  /** Datagrams that were no CoAP message, by fault. */
  readonly malformed: Record<DecodeFault, number>;
  pings: number;
  duplicates: number;
  /** A message id came again within its lifetime with another message: the device began anew. */
  messageIdsReused: number;
  retransmissions: number;
  timeouts: number;
  resetsIn: number;
  resetsOut: number;
  /** ACK or RST that belongs to nothing known here. */
  unmatched: number;
  unsolicited: number;
  badOptions: number;
  /** An answer to an exchange that is over, forgotten or was answered before. */
  lateAnswers: number;
  blockTransfersRefused: number;
  blockTransfersExpired: number;
  /** Bodies that changed while they were fetched by Block2, and were fetched anew. */
  bodiesRefetched: number;
  echoRepeats: number;
  /** Reached bounds, by what was given up. */
  readonly limited: {
    peersEvicted: number;
    peersRefused: number;
    exchangesRefused: number;
    answersEvicted: number;
    requestsRefused: number;
    uploadsRefused: number;
    uploadsEvicted: number;
    bodiesEvicted: number;
  };
}

export function newCounters(): CoapCounters {
  return {
    datagramsIn: 0,
    datagramsOut: 0,
    malformed: Object.fromEntries(DECODE_FAULTS.map((fault) => [fault, 0])) as Record<DecodeFault, number>,
    pings: 0,
    duplicates: 0,
    messageIdsReused: 0,
    retransmissions: 0,
    timeouts: 0,
    resetsIn: 0,
    resetsOut: 0,
    unmatched: 0,
    unsolicited: 0,
    badOptions: 0,
    lateAnswers: 0,
    blockTransfersRefused: 0,
    blockTransfersExpired: 0,
    bodiesRefetched: 0,
    echoRepeats: 0,
    limited: {
      peersEvicted: 0,
      peersRefused: 0,
      exchangesRefused: 0,
      answersEvicted: 0,
      requestsRefused: 0,
      uploadsRefused: 0,
      uploadsEvicted: 0,
      bodiesEvicted: 0,
    },
  };
}
