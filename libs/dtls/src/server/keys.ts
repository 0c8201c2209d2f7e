/** Derives a handshake's keys from what was agreed, full or resumed. */
import { EMPTY_BYTES } from '@cluster/bytes';
import type { ServerHandshake } from './handshake.ts';
import { usesEncryptThenMac } from './negotiation.ts';

export function deriveServerKeys(handshake: ServerHandshake, secret: Uint8Array, kind: 'premaster' | 'master'): void {
  const { hello, offer, choice, serverRandom, cid, cidAgreed } = handshake.agreement!;
  const inputs = {
    suite: choice.suite,
    randoms: { client: hello.random, server: serverRandom },
    encryptThenMac: usesEncryptThenMac(offer, choice.suite),
    readCid: cidAgreed ? cid : EMPTY_BYTES,
    writeCid: cidAgreed ? offer.connectionId! : EMPTY_BYTES,
  };
  handshake.core.deriveKeys(inputs, kind === 'premaster' ? { premaster: secret, extended: offer.extendedMasterSecret } : { masterSecret: secret });
}
