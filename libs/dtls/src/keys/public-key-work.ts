/**
 * The public-key operations of a handshake as jobs: {@link runPublicKeyWork} runs one where it stands,
 * {@link startPublicKeyWork} in the threads of the process, so that nothing else waits for it.
 */
import { createPublicKey, diffieHellman, generateKeyPairSync, sign, verify } from '../crypto.ts';
import type { KeyObject } from '../crypto.ts';
import { NamedGroup } from '../messages/extensions.ts';
import { signedParameters } from '../messages/key-exchange.ts';

/** A fresh key share, signed where a key to sign with is given. */
interface OfferWork {
  readonly kind: 'offer';
  readonly group: number;
  readonly clientRandom: Uint8Array;
  readonly serverRandom: Uint8Array;
  readonly signingKey: KeyObject;
}

/** The shared secret of our key share and the peer's. */
interface AgreeWork {
  readonly kind: 'agree';
  readonly group: number;
  readonly privateKey: KeyObject;
  readonly point: Uint8Array;
}

/** Whether an ECDSA signature with SHA-256 is of this key. */
interface VerifyWork {
  readonly kind: 'verify';
  readonly publicKey: KeyObject;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export type PublicKeyWork = OfferWork | AgreeWork | VerifyWork;

export interface KeyShare {
  readonly privateKey: KeyObject;
  readonly point: Uint8Array;
}

export type PublicKeyResult =
  | { readonly kind: 'offer'; readonly share: KeyShare; readonly signature: Uint8Array }
  /** undefined: the point is none of the group. */
  | { readonly kind: 'agree'; readonly secret: Uint8Array | undefined }
  | { readonly kind: 'verify'; readonly valid: boolean };

// DER of a SubjectPublicKeyInfo up to the point (RFC 5480 §2, RFC 8410 §4).
const P256_SPKI = Uint8Array.from(Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'));
const X25519_SPKI = Uint8Array.from(Buffer.from('302a300506032b656e032100', 'hex'));
const P256_POINT = 65;
const X25519_POINT = 32;
const UNCOMPRESSED = 4;

/** Runs one job; throws only for keys of ours that are no P-256 keys. */
export function runPublicKeyWork(work: PublicKeyWork): PublicKeyResult {
  switch (work.kind) {
    case 'offer': {
      const share = newKeyShare(work.group);
      const signed = signedParameters(work.clientRandom, work.serverRandom, work.group, share.point);
      return { kind: 'offer', share, signature: sign('sha256', signed, work.signingKey) };
    }
    case 'agree':
      return { kind: 'agree', secret: agree(work.privateKey, work.group, work.point) };
    case 'verify':
      return { kind: 'verify', valid: isSignature(work) };
  }
}

/**
 * Runs one job in a thread of libuv's pool; `done` gets undefined where a key of ours can't be used. The fresh key pair of
 * an offer is made at once: it costs less than the way to a thread and back.
 */
export function startPublicKeyWork(work: PublicKeyWork, done: (result: PublicKeyResult | undefined) => void): void {
  switch (work.kind) {
    case 'offer': {
      const share = newKeyShare(work.group);
      const signed = signedParameters(work.clientRandom, work.serverRandom, work.group, share.point);
      sign('sha256', signed, work.signingKey, (error, signature) => done(error === null ? { kind: 'offer', share, signature } : undefined));
      break;
    }
    case 'agree': {
      const publicKey = publicKeyOf(work.group, work.point);
      if (publicKey === undefined) done({ kind: 'agree', secret: undefined });
      else diffieHellman({ privateKey: work.privateKey, publicKey }, (error, secret) => done({ kind: 'agree', secret: error === null ? secret : undefined }));
      break;
    }
    case 'verify': {
      const { message, publicKey, signature } = work;
      if (publicKey.asymmetricKeyType !== 'ec') done({ kind: 'verify', valid: false });
      else verify('sha256', message, publicKey, signature, (error, valid) => done({ kind: 'verify', valid: error === null && valid }));
    }
  }
}

export function newKeyShare(group: number): KeyShare {
  const pair = group === NamedGroup.X25519 ? generateKeyPairSync('x25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // As JWK, which costs a third of what DER does: the coordinates have their full length (RFC 7518 §6.2.1).
  const { x, y } = pair.publicKey.export({ format: 'jwk' });
  const coordinates = [x, y].map((each) => Buffer.from(each ?? '', 'base64url'));
  const point = group === NamedGroup.X25519 ? coordinates[0]! : Buffer.concat([Uint8Array.of(UNCOMPRESSED), ...coordinates]);
  return { privateKey: pair.privateKey, point: new Uint8Array(point) };
}

/** RFC 8422 §5.10, §5.11: a point outside of the group, or a secret of zeros, is refused. */
function agree(privateKey: KeyObject, group: number, point: Uint8Array): Uint8Array | undefined {
  const publicKey = publicKeyOf(group, point);
  try {
    return publicKey && diffieHellman({ privateKey, publicKey });
  } catch {
    return undefined;
  }
}

function publicKeyOf(group: number, point: Uint8Array): KeyObject | undefined {
  const x25519 = group === NamedGroup.X25519;
  if (point.length !== (x25519 ? X25519_POINT : P256_POINT) || (!x25519 && point[0] !== UNCOMPRESSED)) return undefined;
  try {
    const spki = Buffer.concat([x25519 ? X25519_SPKI : P256_SPKI, point]).toString('base64');
    // As PEM, which costs half of what DER in an object does.
    return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n`);
  } catch {
    return undefined;
  }
}

function isSignature({ publicKey, message, signature }: VerifyWork): boolean {
  try {
    return publicKey.asymmetricKeyType === 'ec' && verify('sha256', message, publicKey, signature);
  } catch {
    return false;
  }
}
