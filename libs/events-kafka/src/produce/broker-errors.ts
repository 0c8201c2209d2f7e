/** What a broker's error codes mean for a batch. Kafka protocol guide, "Error Codes". */

export type Verdict =
  /** All in-sync replicas have it. */
  | 'stored'
  /** The same batch again, perhaps to another leader. */
  | 'again'
  /** As a whole it will never be taken. */
  | 'unacceptable'
  /** The broker knows nothing (any more) of this producer's numbers: a new producer sends it. */
  | 'producer-unknown';

const VERDICTS: Readonly<Record<number, Verdict>> = {
  0: 'stored',
  10: 'unacceptable', // MESSAGE_TOO_LARGE
  18: 'unacceptable', // RECORD_LIST_TOO_LARGE
  45: 'producer-unknown', // OUT_OF_ORDER_SEQUENCE_NUMBER
  46: 'stored', // DUPLICATE_SEQUENCE_NUMBER: a try whose answer was lost had stored it
  47: 'producer-unknown', // INVALID_PRODUCER_EPOCH
  49: 'producer-unknown', // INVALID_PRODUCER_ID_MAPPING
  59: 'producer-unknown', // UNKNOWN_PRODUCER_ID
  87: 'unacceptable', // INVALID_RECORD
  90: 'producer-unknown', // PRODUCER_FENCED
};

/** Everything else passes, or an operator puts it right: it is tried again. */
export function verdictOf(code: number): Verdict {
  return VERDICTS[code] ?? 'again';
}

/** UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION, TOPIC_AUTHORIZATION_FAILED: nothing can be sent to such a topic now. */
const MISSING = new Set([3, 17, 29]);

/** Whether the broker says of a topic that it is not there, at least for this client. */
export function isMissing(code: number): boolean {
  return MISSING.has(code);
}
