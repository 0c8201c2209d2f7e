/** Answers of the edge alone to devices: the codes of OMA Transport 1.1.1 §6.7. */
import { encodeUtf8 } from '@cluster/bytes';
import { Code, OptionNumber, type CoapResponse } from '@cluster/coap';

const RD = { number: OptionNumber.LOCATION_PATH, value: encodeUtf8('rd') };

/** 2.01 with Location-Path rd/{id}. OMA Transport 1.1.1 §6.4.3 */
export function created(locationId: string): CoapResponse {
  return { code: Code.CREATED, options: [RD, { number: OptionNumber.LOCATION_PATH, value: encodeUtf8(locationId) }] };
}
