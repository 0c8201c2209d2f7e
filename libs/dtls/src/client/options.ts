/** What a client is made of: its credential, what it offers, what it resumes. */
import type { KeyObject } from '../crypto.ts';
import type { RetransmissionTimes } from '../handshake/core.ts';
import { DEFAULT_RETRANSMISSION } from '../handshake/core.ts';
import { NamedGroup } from '../messages/extensions.ts';
import type { RandomBytes } from '../random.ts';
import type { CipherSuite } from '../suites.ts';
import { CIPHER_SUITES } from '../suites.ts';

export interface ClientPsk {
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

/** A P-256 key pair with a chain of certificates, or to be shown as raw public key. */
export interface ClientCertificate {
  readonly type: 'x509' | 'rpk';
  /** DER, the end entity's first; for `rpk` unused. */
  readonly chain?: readonly Uint8Array[];
  /** SubjectPublicKeyInfo in DER; for `x509` unused. */
  readonly publicKey?: Uint8Array;
  readonly privateKey: KeyObject;
}

/** What a client keeps to resume by. */
export interface ClientSession {
  readonly id: Uint8Array;
  readonly ticket: Uint8Array | undefined;
  readonly suite: CipherSuite;
  readonly masterSecret: Uint8Array;
  readonly extendedMasterSecret: boolean;
}

/** Judges the server's chain or raw public key: its key, or the alert to refuse it with. */
export type JudgeServer = (credential: 'x509' | 'rpk', chain: readonly Uint8Array[]) => KeyObject | number;

export interface DtlsClientOptions {
  readonly random: RandomBytes;
  readonly psk?: ClientPsk;
  readonly certificate?: ClientCertificate;
  readonly judgeServer?: JudgeServer;
  /** Default: all that the credential allows. */
  readonly cipherSuites?: readonly number[];
  readonly groups?: readonly number[];
  readonly serverName?: string;
  /** Offers Connection IDs; empty: the server's records carry none. */
  readonly connectionId?: Uint8Array;
  readonly session?: ClientSession;
  /** Asks for tickets. */
  readonly tickets?: boolean;
  readonly extendedMasterSecret?: boolean;
  readonly encryptThenMac?: boolean;
  /** 512, 1024, 2048 or 4096 (RFC 6066 §4). */
  readonly maxFragmentLength?: number;
  readonly recordSizeLimit?: number;
  readonly maxDatagramBytes?: number;
  readonly retransmission?: RetransmissionTimes;
  readonly handshakeTimeoutMs?: number;
}

export type ClientSettings = DtlsClientOptions &
  Required<Pick<DtlsClientOptions, 'cipherSuites' | 'groups' | 'tickets' | 'extendedMasterSecret' | 'encryptThenMac' | 'maxDatagramBytes' | 'retransmission' | 'handshakeTimeoutMs'>>;

export function clientSettings(options: DtlsClientOptions): ClientSettings {
  const suites = CIPHER_SUITES.filter(({ keyExchange }) => (keyExchange === 'psk' ? options.psk !== undefined : options.certificate !== undefined));
  return {
    cipherSuites: suites.map(({ id }) => id),
    groups: [NamedGroup.SECP256R1],
    tickets: false,
    extendedMasterSecret: true,
    encryptThenMac: true,
    maxDatagramBytes: 1_200,
    retransmission: DEFAULT_RETRANSMISSION,
    handshakeTimeoutMs: 90_000,
    ...options,
  };
}
