/** The first bytes of CBOR items. RFC 8949 §3 */

/** Major types. RFC 8949 §3.1 */
export const Major = { UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5 } as const;

/** RFC 8949 §3.3 */
export const Simple = { FALSE: 0xf4, TRUE: 0xf5, NULL: 0xf6, UNDEFINED: 0xf7 } as const;
export const [FLOAT32, FLOAT64] = [0xfa, 0xfb];
