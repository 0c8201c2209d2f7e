/** The one door of this package to `node:crypto`: primitives only, always with `KeyObject`s (a raw key costs several times as much). */
export {
  KeyObject,
  X509Certificate,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
