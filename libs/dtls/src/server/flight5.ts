/** Flight 5: what the client answers in a full handshake: Certificate, ClientKeyExchange, CertificateVerify, Finished. */
import { Alert } from '../alerts.ts';
import { pskPremasterSecret } from '../keys/key-schedule.ts';
import { decodeCertificateChain, decodeRawPublicKey, readSignature } from '../messages/certificates.ts';
import { CertificateType } from '../messages/extensions.ts';
import { HandshakeType } from '../messages/handshake.ts';
import type { HandshakeMessage } from '../messages/handshake.ts';
import { decodeEcdheClientKeyExchange, decodePskIdentity } from '../messages/key-exchange.ts';
import { WireReader } from '../wire/reader.ts';
import type { PskAnswer, Verdict } from './events.ts';
import { completeHandshake } from './flight6.ts';
import type { ServerHandshake, Step } from './handshake.ts';
import { deriveServerKeys } from './keys.ts';

/** OMA Transport 1.1.1 §5.2.8.1: identities of up to 128 bytes, keys of up to 64. */
const MAX_IDENTITY = 128;
const MAX_KEY = 64;
/** A key of this length stands in for one that isn't there, so that the same work is done. */
const STAND_IN_KEY = 16;

function unexpected(handshake: ServerHandshake, nowMs: number, message: HandshakeMessage, type: number): boolean {
  if (message.type === type) return false;
  handshake.fail(nowMs, 'unexpected-message', Alert.UNEXPECTED_MESSAGE);
  return true;
}

function malformed(handshake: ServerHandshake, nowMs: number): void {
  handshake.fail(nowMs, 'malformed-message', Alert.DECODE_ERROR);
}

export const onCertificate: Step = (handshake, nowMs, message) => {
  if (unexpected(handshake, nowMs, message, HandshakeType.CERTIFICATE)) return;
  const { core, peer, agreement } = handshake;
  core.flightAnswered();
  const credential = agreement!.choice.ecdhe!.clientCertificateType === CertificateType.X509 ? 'x509' : 'rpk';
  const chain = credential === 'x509' ? decodeCertificateChain(message.body) : rawPublicKeyChain(message.body);
  if (chain === undefined) {
    malformed(handshake, nowMs);
    return;
  }
  if (chain.length === 0) {
    // RFC 5246 §7.4.6
    handshake.fail(nowMs, 'no-certificate', Alert.HANDSHAKE_FAILURE);
    return;
  }
  core.record(message);
  const { serverName } = agreement!.offer;
  handshake.ask<Verdict>(
    (question) => ({ kind: 'verdict-wanted', question, peer, credential, chain, ...(serverName !== undefined && { serverName }) }),
    (answeredMs, verdict) => {
      if (!verdict.ok) {
        handshake.fail(answeredMs, 'certificate', verdict.alert);
        return;
      }
      handshake.identity = { kind: credential, bytes: verdict.identity };
      handshake.deviceNumber = verdict.deviceNumber;
      handshake.credentialVersion = verdict.credentialVersion;
      handshake.validUntilMs = verdict.validUntilMs;
      handshake.peerKey = verdict.publicKey;
      handshake.step = onClientKeyExchange;
    },
  );
};

function rawPublicKeyChain(body: Uint8Array): Uint8Array[] | undefined {
  const key = decodeRawPublicKey(body);
  if (key === undefined) return undefined;
  return key.length === 0 ? [] : [key];
}

export const onClientKeyExchange: Step = (handshake, nowMs, message) => {
  if (unexpected(handshake, nowMs, message, HandshakeType.CLIENT_KEY_EXCHANGE)) return;
  handshake.core.flightAnswered();
  handshake.core.record(message);
  if (handshake.agreement!.choice.ecdhe === undefined) onPskIdentity(handshake, nowMs, message.body);
  else onKeyShare(handshake, nowMs, message.body);
};

function onPskIdentity(handshake: ServerHandshake, nowMs: number, body: Uint8Array): void {
  handshake.identityCame(nowMs);
  const identity = decodePskIdentity(body)?.slice();
  if (identity === undefined) {
    malformed(handshake, nowMs);
    return;
  }
  handshake.identity = { kind: 'psk', bytes: identity.subarray(0, MAX_IDENTITY) };
  if (identity.length > MAX_IDENTITY) {
    usePreSharedKey(handshake, nowMs, undefined);
    return;
  }
  const { peer } = handshake;
  const { serverName } = handshake.agreement!.offer;
  handshake.ask<PskAnswer>(
    (question) => ({ kind: 'psk-wanted', question, peer, identity, ...(serverName !== undefined && { serverName }) }),
    (answeredMs, answer) => usePreSharedKey(handshake, answeredMs, answer),
  );
}

/** An unknown identity goes on with a key that nobody has: its Finished fails as a wrong key's does, after the same work. */
function usePreSharedKey(handshake: ServerHandshake, nowMs: number, answer: PskAnswer): void {
  const usable = answer !== undefined && answer.key.length > 0 && answer.key.length <= MAX_KEY;
  if (!usable) handshake.doomed = 'unknown-identity';
  handshake.deviceNumber = answer?.deviceNumber ?? '';
  handshake.credentialVersion = answer?.credentialVersion ?? 0;
  handshake.formerPsk = usable ? answer.former : undefined;
  const key = usable ? answer.key : handshake.context.settings.random(STAND_IN_KEY);
  useSecret(handshake, nowMs, pskPremasterSecret(key));
  handshake.step = onFinished;
}

function useSecret(handshake: ServerHandshake, nowMs: number, premaster: Uint8Array): void {
  handshake.provedAtMs = nowMs;
  deriveServerKeys(handshake, premaster, 'premaster');
}

function onKeyShare(handshake: ServerHandshake, nowMs: number, body: Uint8Array): void {
  const point = decodeEcdheClientKeyExchange(body);
  if (point === undefined) {
    malformed(handshake, nowMs);
    return;
  }
  const { group } = handshake.agreement!.choice.ecdhe!;
  handshake.work(nowMs, { kind: 'agree', group, privateKey: handshake.share!.privateKey, point }, (doneMs, { secret }) => {
    if (secret === undefined) {
      handshake.fail(doneMs, 'bad-key-share', Alert.ILLEGAL_PARAMETER);
      return;
    }
    handshake.share = undefined;
    useSecret(handshake, doneMs, secret);
    handshake.step = onCertificateVerify;
  });
}

const onCertificateVerify: Step = (handshake, nowMs, message) => {
  if (unexpected(handshake, nowMs, message, HandshakeType.CERTIFICATE_VERIFY)) return;
  const signature = readSignature(new WireReader(message.body));
  if (signature === undefined) {
    malformed(handshake, nowMs);
    return;
  }
  // RFC 5246 §7.4.8: over all messages before this one.
  const signed = handshake.core.transcript();
  handshake.core.record(message);
  handshake.work(nowMs, { kind: 'verify', publicKey: handshake.peerKey!, message: signed, signature }, (doneMs, { valid }) => {
    if (valid) handshake.step = onFinished;
    else handshake.fail(doneMs, 'signature', Alert.DECRYPT_ERROR);
  });
};

const onFinished: Step = (handshake, nowMs, message) => {
  if (unexpected(handshake, nowMs, message, HandshakeType.FINISHED)) return;
  if (!handshake.core.isVerifyData('client', message.body)) {
    handshake.fail(nowMs, 'finished', Alert.DECRYPT_ERROR);
    return;
  }
  handshake.core.record(message);
  completeHandshake(handshake, message.sequence);
};
