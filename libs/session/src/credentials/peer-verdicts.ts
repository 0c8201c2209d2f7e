/**
 * Answers what a handshake asks about its peer: the key of a PSK identity, and whether a raw public key or a certificate is
 * a device's. A refusal has the alert by which the device knows whether to go to its bootstrap server (OMA Transport 1.1.1 §5.2.9).
 */
import {
  type CertificateJudgement, type CertificatePolicy, type CertificateRefusal, type Credential, describeCertificate, judgingCertificate, type KeyObject, parseSpki,
  type PskAnswer, type SignatureCheck, type TrustStore, type Verdict,
} from '@cluster/dtls';
import { concatBytes } from '@cluster/bytes';
import type { CredentialLookup, KnownDevice } from './credential-lookup.ts';
import type { DeviceNumbers } from './credential-desk.ts';
import { endpointOfNames } from './endpoint-binding.ts';

export type PeerRefusal = 'identity-unknown' | 'key-malformed' | 'key-unknown' | 'endpoint-has-credentials' | 'endpoint-none' | CertificateRefusal;

export interface PeerPolicy {
  readonly trust: TrustStore;
  readonly requireRevocationLists: boolean;
}

interface Deps {
  readonly lookup: CredentialLookup;
  readonly devices: Pick<DeviceNumbers, 'keep'>;
  /** As it is now: files change. */
  readonly policy: () => PeerPolicy;
  /** Checks the signatures of chains, wherever that is best done. */
  readonly check: (check: SignatureCheck) => Promise<boolean>;
  /** Told of each refusal; reasons come from this program alone. */
  readonly refused: (reason: PeerRefusal) => void;
}

/** RFC 5246 §7.2.2; all of OMA's class "fail". */
const ALERTS = { 'key-malformed': 43, 'key-unknown': 46, 'endpoint-has-credentials': 49, 'endpoint-none': 49 } as const;

const SHA_256_BYTES = 32;

/**
 * Why a certificate that was accepted before is so no more: it stands on a list by now, or one of its path does; or its
 * trust anchor was taken out. Undefined: it still holds.
 */
export function distrust({ identity }: Pick<Credential, 'identity'>, trust: TrustStore): 'certificate-listed' | 'anchor-removed' | undefined {
  if (identity.kind !== 'x509') return undefined;
  const issuances = identity.bytes.subarray(SHA_256_BYTES);
  if (trust.revokes(issuances)) return 'certificate-listed';
  return trust.anchors(issuances) ? undefined : 'anchor-removed';
}

/** Calls reject where the store is away: nothing is known then, and the device is to try again. */
export class PeerVerdicts {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The key that goes with the identity, and the one that it replaces; undefined for one that is unknown or revoked. */
  async psk(identity: Uint8Array, nowMs: number): Promise<PskAnswer> {
    const [current, former] = await this.#deps.lookup.byPskIdentity(identity, nowMs);
    if (current === undefined) {
      this.#deps.refused('identity-unknown');
      return undefined;
    }
    const { key, number, version } = current;
    return {
      key, deviceNumber: number, credentialVersion: version,
      ...(former === undefined ? {} : { former: { key: former.key, credentialVersion: former.version } }),
    };
  }

  /** A raw public key counts if it is a stored one, byte by byte. OMA Transport 1.1.1 §5.2.8.2 */
  async rpk(spki: Uint8Array, nowMs: number): Promise<Verdict> {
    const parsed = parseSpki(spki);
    if (parsed === undefined) return this.#refuse('key-malformed');
    const device = await this.#deps.lookup.bySpki(parsed.sha256, nowMs);
    return device === undefined ? this.#refuse('key-unknown') : accepted(parsed.key, parsed.sha256, device);
  }

  /** A certificate counts if an operator named it, or if a trust anchor vouches for it and it names an endpoint. */
  async x509(chain: readonly Uint8Array[], nowMs: number): Promise<Verdict> {
    const { lookup, policy } = this.#deps;
    const presented = chain[0] && describeCertificate(chain[0]);
    const pinned = presented && (await lookup.byFingerprint(presented.sha256, nowMs));
    const judged = await this.#judge(chain, { ...policy(), nowMs, pinned: pinned !== undefined });
    if (!judged.ok) return this.#refuse(judged.reason, judged.alert);
    const device = pinned ?? (await lookup.byIssuedName(judged.issuer, judged.subject, nowMs)) ?? (await this.#byHolder(judged));
    if (typeof device === 'string') return this.#refuse(device);
    return { ...accepted(judged.spki, concatBytes([judged.sha256, judged.issuances]), device), validUntilMs: judged.validUntilMs };
  }

  async #judge(chain: readonly Uint8Array[], policy: CertificatePolicy): Promise<CertificateJudgement> {
    const judging = judgingCertificate(chain, policy);
    let step = judging.next();
    // One after the other: which is next depends on the last.
    while (step.done !== true) step = judging.next(await this.#deps.check(step.value));
    return step.value;
  }

  /** Version 0: it holds as long as no operator sets credentials for the endpoint. */
  async #byHolder({ names }: { names: Parameters<typeof endpointOfNames>[0] }): Promise<KnownDevice | keyof typeof ALERTS> {
    const endpoint = endpointOfNames(names);
    if (endpoint === undefined) return 'endpoint-none';
    if (await this.#deps.lookup.hasCredentials(endpoint)) return 'endpoint-has-credentials';
    return { number: await this.#deps.devices.keep(endpoint), endpoint, version: 0 };
  }

  #refuse(reason: PeerRefusal, alert?: number): Verdict {
    this.#deps.refused(reason);
    return { ok: false, alert: alert ?? ALERTS[reason as keyof typeof ALERTS] };
  }
}

/** `identity`: SHA-256 of what was presented; behind it, of a certificate, by whom those of its path were issued. */
function accepted(publicKey: KeyObject, identity: Uint8Array, { number, version }: KnownDevice): Extract<Verdict, { ok: true }> {
  return { ok: true, publicKey, identity, deviceNumber: number, credentialVersion: version };
}
