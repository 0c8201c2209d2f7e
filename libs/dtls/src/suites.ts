/** The cipher suites of OMA Transport 1.1.1 §5.2.8 and their AES-128-GCM companions. All use SHA-256 for PRF and MAC. */

export type KeyExchange = 'psk' | 'ecdhe_ecdsa';
export type BulkCipher = 'aes-128-ccm-8' | 'aes-128-gcm' | 'aes-128-cbc-sha256';

export interface CipherSuite {
  readonly id: number;
  /** The IANA name. */
  readonly name: string;
  readonly keyExchange: KeyExchange;
  readonly cipher: BulkCipher;
}

const suite = (id: number, name: string, keyExchange: KeyExchange, cipher: BulkCipher): CipherSuite => ({ id, name, keyExchange, cipher });

/** Every supported suite, the most preferred first. PSK leads: who offers it has a key, while ECDHE is offered by clients without a certificate, too. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  suite(0xc0a8, 'TLS_PSK_WITH_AES_128_CCM_8', 'psk', 'aes-128-ccm-8'),
  suite(0x00a8, 'TLS_PSK_WITH_AES_128_GCM_SHA256', 'psk', 'aes-128-gcm'),
  suite(0x00ae, 'TLS_PSK_WITH_AES_128_CBC_SHA256', 'psk', 'aes-128-cbc-sha256'),
  suite(0xc0ae, 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'ecdhe_ecdsa', 'aes-128-ccm-8'),
  suite(0xc02b, 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ecdhe_ecdsa', 'aes-128-gcm'),
  suite(0xc023, 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ecdhe_ecdsa', 'aes-128-cbc-sha256'),
];

const BY_ID = new Map(CIPHER_SUITES.map((each) => [each.id, each]));

export function cipherSuite(id: number): CipherSuite | undefined {
  return BY_ID.get(id);
}

/** Not suites but signals (RFC 5746 §3.3). */
export const EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff;
