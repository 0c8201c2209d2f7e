/** The inner plaintext and the authenticated header of records with a Connection ID (RFC 9146 §4, §5), and of those without. */
import { ContentType, DTLS_1_2, PROTECTED_EPOCH } from './record.ts';
import type { OpenedRecord } from './record.ts';
import { putUint, putUint48 } from '../wire/writer.ts';

/** Content, real type, zeros; this side pads nothing. */
export function innerPlaintext(type: number, content: Uint8Array): Uint8Array {
  const inner = new Uint8Array(content.length + 1);
  inner.set(content);
  inner[content.length] = type;
  return inner;
}

/** Undefined if there is nothing but padding (RFC 9146 §4). */
export function fromInnerPlaintext(inner: Uint8Array): OpenedRecord | undefined {
  let end = inner.length;
  while (end > 0 && inner[end - 1] === 0) end--;
  return end === 0 ? undefined : { type: inner[end - 1]!, content: inner.subarray(0, end - 1) };
}

/** What is authenticated along with a fragment of `length` bytes: RFC 5246 §6.2.3, or RFC 9146 §5 where there is a CID. */
export function authenticatedHeader(type: number, sequence: number, cid: Uint8Array, length: number): Uint8Array {
  if (cid.length === 0) {
    const header = new Uint8Array(13);
    putUint(header, 0, PROTECTED_EPOCH, 2);
    putUint48(header, 2, sequence);
    header[8] = type;
    putUint(header, 9, DTLS_1_2, 2);
    putUint(header, 11, length, 2);
    return header;
  }
  const header = new Uint8Array(23 + cid.length);
  header.fill(0xff, 0, 8);
  header[8] = ContentType.TLS12_CID;
  header[9] = cid.length;
  header[10] = ContentType.TLS12_CID;
  putUint(header, 11, DTLS_1_2, 2);
  putUint(header, 13, PROTECTED_EPOCH, 2);
  putUint48(header, 15, sequence);
  header.set(cid, 21);
  putUint(header, 21 + cid.length, length, 2);
  return header;
}
