/**
 * Echo values that prove an address without being kept (RFC 9175 §2.3, A.2): the time, and a MAC of it and the address. Any
 * worker of the cluster accepts what another one gave out.
 */
import { equalSecrets, keyedDigest, type KeyRing } from '@cluster/secrets';

const FRESH_S = 300;
const TIME_BYTES = 4;
const MAC_BYTES = 8;

export class EchoValues {
  readonly #ring: KeyRing;
  readonly #nowS: () => number;

  constructor(ring: KeyRing, nowS: () => number) {
    this.#ring = ring;
    this.#nowS = nowS;
  }

  make(peer: string): Uint8Array {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUInt32BE(Math.floor(this.#nowS()));
    return Buffer.concat([time, macOf(this.#ring.current('firmware').key, time, peer)]);
  }

  /** Whether it was made for this address, not long ago. */
  isOf(peer: string, value: Uint8Array): boolean {
    if (value.length !== TIME_BYTES + MAC_BYTES) return false;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const ageS = this.#nowS() - bytes.readUInt32BE(0);
    if (ageS < -FRESH_S || ageS > FRESH_S) return false;
    const [time, mac] = [bytes.subarray(0, TIME_BYTES), bytes.subarray(TIME_BYTES)];
    return this.#ring.all('firmware').some(({ key }) => equalSecrets(mac, macOf(key, time, peer)));
  }
}

function macOf(key: Parameters<typeof keyedDigest>[0], time: Uint8Array, peer: string): Buffer {
  return Buffer.from(keyedDigest(key, Buffer.concat([time, Buffer.from(`echo ${peer}`, 'utf8')]))).subarray(0, MAC_BYTES);
}
