/** Refusals that any service gives to devices: 5.03 where the fault is ours, a code and its reason where it is theirs. */
import { encodeUtf8 } from '@cluster/bytes';
import { Code, OptionNumber, uintValue, type CoapResponse } from '@cluster/coap';

/** After how many seconds a refused device comes again: spread, so that an outage does not end in a storm. */
const MAX_AGE_S = { least: 5, spread: 15 };

/** A fault of ours: the device keeps what it has and comes again. Never 4.04. */
export function unavailable(uint32: () => number): CoapResponse {
  const seconds = MAX_AGE_S.least + (uint32() % MAX_AGE_S.spread);
  return { code: Code.SERVICE_UNAVAILABLE, options: [{ number: OptionNumber.MAX_AGE, value: uintValue(seconds) }] };
}

/** A refusal of what the device sent; the reason goes along as diagnostic payload (RFC 7252 §5.5.2). */
export function refusal(code: number, reason?: string): CoapResponse {
  return reason === undefined ? { code } : { code, payload: encodeUtf8(reason.slice(0, 64)) };
}
