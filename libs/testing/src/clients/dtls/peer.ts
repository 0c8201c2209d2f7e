/** What all drivers of DTLS clients have in common: what they are told, and what they tell of a handshake. */

/** A pre-shared key. */
export interface PskSecurity {
  readonly mode: 'psk';
  readonly identity: string;
  readonly keyHex: string;
}

/** A certificate, its key, and the certificates that the peer's must lead to: PEM files. */
export interface X509Security {
  readonly mode: 'x509';
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly trustFile: string;
}

/** Raw public keys (RFC 7250): PEM files (PKCS #8, SubjectPublicKeyInfo). Without `peerKeyFile` any key of the peer will do. */
export interface RpkSecurity {
  readonly mode: 'rpk';
  readonly keyFile: string;
  readonly publicKeyFile: string;
  readonly peerKeyFile?: string;
}

export type DtlsSecurity = PskSecurity | X509Security | RpkSecurity;

/** The cipher suites of LwM2M (OMA Transport 1.1.1 §5.2), and the GCM ones. */
export type CipherSuite =
  | 'TLS_PSK_WITH_AES_128_CCM_8'
  | 'TLS_PSK_WITH_AES_128_CBC_SHA256'
  | 'TLS_PSK_WITH_AES_128_GCM_SHA256'
  | 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8'
  | 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256'
  | 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256';

/** What to shake hands with, and how. */
export interface DtlsClientOptions {
  /** UDP port of the server on 127.0.0.1. */
  readonly port: number;
  readonly security: DtlsSecurity;
  /** CCM_8 with the key exchange of the security unless told. */
  readonly suite?: CipherSuite;
  /** Largest datagram that the client sends, where it can be told. */
  readonly mtu?: number;
  /** How long to wait for the end of the handshake; 15 s unless told. */
  readonly patienceMs?: number;
}

/** The handshake came to its end. */
export interface HandshakeDone {
  readonly ok: true;
  readonly suite: CipherSuite | undefined;
  /** Whether it was an abbreviated one (RFC 5246 §7.3). */
  readonly resumed: boolean;
}

/** The handshake failed: with the server's fatal alert, or without one. */
export interface HandshakeFailed {
  readonly ok: false;
  readonly alert: number | undefined;
  /** What the client said last. */
  readonly reason: string;
}

export type HandshakeResult = HandshakeDone | HandshakeFailed;

/** How a session ended: `alert` is what the server sent, 0 for close_notify, undefined where it sent none. */
export interface SessionEnd {
  readonly alert: number | undefined;
}

/** A DTLS client that carries any application data. */
export interface DtlsClient {
  /** What the handshake came to; always the same answer. */
  handshake(): Promise<HandshakeResult>;
  /** Sends bytes as one record. */
  send(data: Uint8Array): void;
  /** Takes the bytes that arrived, once they are enough; any will do unless told. A tool's output may come in pieces. */
  receive(enough?: (data: Buffer) => boolean): Promise<Buffer>;
  /** Resolves when the session is over, whoever ended it. */
  ended(): Promise<SessionEnd>;
  /** Ends the session with close_notify, and the client. */
  close(): Promise<void>;
}

/** The suite that a security mode has unless told. */
export function suiteFor({ security, suite }: Pick<DtlsClientOptions, 'security' | 'suite'>): CipherSuite {
  return suite ?? (security.mode === 'psk' ? 'TLS_PSK_WITH_AES_128_CCM_8' : 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8');
}
