/** Small seeded changes to datagrams, which keep most of their structure. */
import { concatBytes } from '@cluster/bytes';
import { decodeFragments, encodeFragment } from '../src/messages/handshake.ts';
import { ContentType, plaintextRecord, splitDatagram } from '../src/record/record.ts';

/** One to four changes: bits flipped, bytes set, cut out, doubled, lengths bent, or another seed's end put on. */
export function mutate(integers: () => number, seeds: readonly Uint8Array[], original: Uint8Array): Uint8Array {
  const below = (bound: number): number => integers() % bound;
  let bytes = [...original];
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    const kinds = [
      () => (bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))),
      () => (bytes[at] = [0x00, 0xff, 0x01, 0x7f, 0x80, 0xfe, 0x14, 0x16, 0x17, 0x19][below(10)]!),
      () => bytes.splice(at, 1 + below(4)),
      () => bytes.splice(at, 0, ...bytes.slice(at, at + 1 + below(16))),
      () => (bytes = [...bytes.slice(0, at), ...seeds[below(seeds.length)]!.subarray(-below(40))]),
      // The fields of record and handshake headers.
      () => (bytes[[0, 1, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24][below(19)]!] = below(256)),
      () => (bytes = [...bytes, ...seeds[below(seeds.length)]!]),
    ];
    kinds[below(kinds.length)]!();
  }
  return Uint8Array.from(bytes.slice(0, 1_500), (byte) => byte ?? 0);
}

/** The handshake messages in a datagram's plaintext records, with their headers. */
export function messagesIn(datagram: Uint8Array): Uint8Array[] {
  const { records } = splitDatagram(datagram, 0);
  const plain = records.filter(({ type, epoch }) => type === ContentType.HANDSHAKE && epoch === 0);
  return plain.flatMap(({ fragment }) => decodeFragments(fragment) ?? []).map(encodeFragment);
}

/** Bends the bodies of handshake messages alone: frames and lengths fit, so that each reaches what reads it. */
export function mutateMessages(integers: () => number, seeds: readonly Uint8Array[], original: Uint8Array): Uint8Array {
  const { records } = splitDatagram(original, 0);
  const bent = records.flatMap(({ type, epoch, sequence, fragment }) => {
    const fragments = type === ContentType.HANDSHAKE && epoch === 0 ? decodeFragments(fragment) : undefined;
    const messages = fragments?.map((each) => {
      const bytes = mutate(integers, seeds, each.bytes);
      return encodeFragment({ ...each, bytes, offset: 0, length: bytes.length });
    });
    return messages === undefined ? [] : [plaintextRecord(type, sequence + 1 + (integers() % 8), concatBytes(messages))];
  });
  return bent.length === 0 ? mutate(integers, seeds, original) : concatBytes(bent);
}
