/** Content-Format numbers of LwM2M (OMA LwM2M Core 1.2 §7.5, IANA CoAP Content-Formats), the numbers in use before IANA's included. */

export const ContentFormat = {
  TEXT: 0,
  LINK: 40,
  OPAQUE: 42,
  CBOR: 60,
  SENML_JSON: 110,
  SENML_CBOR: 112,
  SENML_ETCH_JSON: 320,
  SENML_ETCH_CBOR: 322,
  TLV: 11_542,
  LWM2M_JSON: 11_543,
  LWM2M_CBOR: 11_544,
} as const;

const NAMES: Readonly<Record<number, string>> = {
  [ContentFormat.TEXT]: 'text/plain',
  [ContentFormat.LINK]: 'application/link-format',
  [ContentFormat.OPAQUE]: 'application/octet-stream',
  [ContentFormat.CBOR]: 'application/cbor',
  [ContentFormat.SENML_JSON]: 'application/senml+json',
  [ContentFormat.SENML_CBOR]: 'application/senml+cbor',
  [ContentFormat.SENML_ETCH_JSON]: 'application/senml-etch+json',
  [ContentFormat.SENML_ETCH_CBOR]: 'application/senml-etch+cbor',
  [ContentFormat.TLV]: 'application/vnd.oma.lwm2m+tlv',
  [ContentFormat.LWM2M_JSON]: 'application/vnd.oma.lwm2m+json',
  [ContentFormat.LWM2M_CBOR]: 'application/vnd.oma.lwm2m+cbor',
};

/** Media type of a Content-Format; "content-format N" where it is none of LwM2M's. */
export function contentFormatName(cf: number): string {
  return NAMES[registeredFormat(cf)] ?? `content-format ${cf}`;
}

/** The registered number for one that clients of LwM2M 1.0 used before IANA's registration; any other number as it is. */
export function registeredFormat(cf: number): number {
  switch (cf) {
    case 1541:
      return ContentFormat.TEXT;
    case 1542:
      return ContentFormat.TLV;
    case 1543:
      return ContentFormat.LWM2M_JSON;
    default:
      return cf;
  }
}
