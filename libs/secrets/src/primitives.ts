/** The one door of this package to `node:crypto`: primitives that draw nothing at random. */
export { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey, hkdfSync, KeyObject, timingSafeEqual } from 'node:crypto';
