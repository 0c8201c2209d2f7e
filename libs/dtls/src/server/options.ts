/** What a server engine is made of: keys of the cluster, credentials, what it offers, and its bounds. */
import type { KeyRing } from '../association/key-ring.ts';
import type { IdentityKind } from '../association/record.ts';
import type { KeyObject } from '../crypto.ts';
import type { RetransmissionTimes } from '../handshake/core.ts';
import { DEFAULT_RETRANSMISSION } from '../handshake/core.ts';
import { NamedGroup } from '../messages/extensions.ts';
import type { RandomBytes } from '../random.ts';
import { MAX_PLAINTEXT } from '../record/record.ts';
import { CIPHER_SUITES } from '../suites.ts';

/** A key pair of the server (P-256). */
export interface ServerKeyPair {
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;
}

/** A key pair with its certificates and the names it serves. */
export interface ServerCredential extends ServerKeyPair {
  /** Lower-case host names, for SNI; the first credential serves whoever asks for none. */
  readonly names: readonly string[];
  /** DER, the end entity's first. */
  readonly chain: readonly Uint8Array[];
}

export interface DtlsServerLimits {
  readonly maxHandshakes: number;
  /** Of all handshakes together: fragments and held records. */
  readonly maxHandshakeBytes: number;
  readonly maxBytesPerHandshake: number;
  readonly maxMessageBytes: number;
  readonly handshakeTimeoutMs: number;
  /** Where there is no room for another handshake, the oldest gives way once it has had this time. */
  readonly displaceAfterMs: number;
  readonly maxAssociations: number;
  /** Records of associations that are being taken over. */
  readonly maxAdoptions: number;
  readonly adoptionTimeoutMs: number;
  /** Of one association, in each direction, while a number or ceiling is being stored. */
  readonly maxHeldRecords: number;
}

export const DEFAULT_SERVER_LIMITS: DtlsServerLimits = {
  maxHandshakes: 5_000,
  maxHandshakeBytes: 16_000_000,
  maxBytesPerHandshake: 32_000,
  maxMessageBytes: 12_000,
  handshakeTimeoutMs: 90_000,
  displaceAfterMs: 5_000,
  maxAssociations: 500_000,
  maxAdoptions: 5_000,
  adoptionTimeoutMs: 5_000,
  maxHeldRecords: 16,
};

export interface DtlsServerOptions {
  readonly random: RandomBytes;
  readonly keys: {
    readonly cookie: KeyRing;
    readonly cid: KeyRing;
    /** Without it no tickets are given out. */
    readonly ticket?: KeyRing;
  };
  /** IANA numbers, the most preferred first; those with certificates need `credentials`. */
  readonly cipherSuites?: readonly number[];
  readonly groups?: readonly number[];
  readonly credentials?: readonly ServerCredential[];
  /** What is shown to clients that take raw public keys; default: the key of the credential. */
  readonly rawPublicKey?: ServerKeyPair;
  /** What clients may show where the suite asks for it. */
  readonly clientCredentials?: readonly Exclude<IdentityKind, 'psk'>[];
  /** DER names of authorities, told to clients that are asked for a certificate. */
  readonly certificateAuthorities?: readonly Uint8Array[];
  /** A name that no credential serves: use the first, or refuse with unrecognized_name (row B33). */
  readonly unknownServerName?: 'default' | 'refuse';
  readonly connectionIds?: boolean;
  /** One byte in each CID, for balancers. */
  readonly routingHint?: number;
  /** Whether records of unknown addresses without a CID are asked for (`association-wanted` without `cid`). */
  readonly adoptByAddress?: boolean;
  /** `inline` runs public-key work in the engine's own thread. */
  readonly publicKeyWork?: 'inline' | 'asked';
  /** Whether records above the ceiling wait for it, or are handed out with it. */
  readonly receiveCeiling?: 'ask' | 'with-data';
  readonly sendBlock?: number;
  readonly ticketLifetimeS?: number;
  readonly maxDatagramBytes?: number;
  /** Told to clients that know RFC 8449. */
  readonly recordSizeLimit?: number;
  readonly retransmission?: RetransmissionTimes;
  readonly limits?: Partial<DtlsServerLimits>;
}

export type ServerSettings = Required<Omit<DtlsServerOptions, 'limits' | 'keys' | 'rawPublicKey'>> & Pick<DtlsServerOptions, 'keys' | 'rawPublicKey'> & { readonly limits: DtlsServerLimits };

export function serverSettings(options: DtlsServerOptions): ServerSettings {
  return {
    cipherSuites: CIPHER_SUITES.map(({ id }) => id),
    groups: [NamedGroup.SECP256R1, NamedGroup.X25519],
    credentials: [],
    clientCredentials: ['x509', 'rpk'],
    certificateAuthorities: [],
    unknownServerName: 'default',
    connectionIds: true,
    routingHint: 0,
    adoptByAddress: false,
    publicKeyWork: 'inline',
    receiveCeiling: 'ask',
    sendBlock: 64,
    ticketLifetimeS: 7 * 86_400,
    maxDatagramBytes: 1_200,
    recordSizeLimit: MAX_PLAINTEXT,
    retransmission: DEFAULT_RETRANSMISSION,
    ...options,
    limits: { ...DEFAULT_SERVER_LIMITS, ...options.limits },
  };
}
