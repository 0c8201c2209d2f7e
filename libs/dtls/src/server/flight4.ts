/** Flight 4: answers a ClientHello whose cookie is valid, with a full handshake or an abbreviated one. */
import { EMPTY_BYTES, equalBytes } from '@cluster/bytes';
import { Alert } from '../alerts.ts';
import { createCid, isOurCid } from '../association/cid.ts';
import { decodeFixed } from '../association/record.ts';
import { openTicket } from '../association/session.ts';
import type { Session } from '../association/session.ts';
import type { FlightPart } from '../handshake/flight.ts';
import { encodeCertificateChain, encodeCertificateRequest, encodeRawPublicKey } from '../messages/certificates.ts';
import { decodeClientHello, RANDOM_LENGTH } from '../messages/client-hello.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import { CertificateType } from '../messages/extensions.ts';
import { HandshakeType } from '../messages/handshake.ts';
import { encodeEcdheServerKeyExchange } from '../messages/key-exchange.ts';
import { encodeServerHello } from '../messages/server-hello.ts';
import { DTLS_1_2 } from '../record/record.ts';
import type { ResumptionAnswer } from './events.ts';
import { onCertificate, onClientKeyExchange } from './flight5.ts';
import { sendResumedFlight } from './flight4-resumed.ts';
import type { ServerHandshake, Step } from './handshake.ts';
import { answerExtensions, chooseSuite, readOffer, sendLimit } from './negotiation.ts';
import type { ClientOffer, EcdheChoice } from './negotiation.ts';

/** The first message of every handshake. */
export const onClientHello: Step = (handshake, nowMs, message) => {
  const hello = message.type === HandshakeType.CLIENT_HELLO ? decodeClientHello(message.body) : undefined;
  if (hello === undefined) {
    handshake.fail(nowMs, 'malformed-hello', Alert.DECODE_ERROR);
    return;
  }
  handshake.core.record(message);
  const read = readOffer(hello);
  if (!read.ok) {
    handshake.fail(nowMs, read.reason, read.alert);
    return;
  }
  tryResumption(handshake, nowMs, hello, read.offer);
};

/** By ticket, else by session id; whatever speaks against it leads to a full handshake. */
function tryResumption(handshake: ServerHandshake, nowMs: number, hello: ClientHello, offer: ClientOffer): void {
  const { keys } = handshake.context.settings;
  const byTicket = offer.ticket !== undefined && offer.ticket.length > 0 && keys.ticket !== undefined ? openTicket(keys.ticket, offer.ticket) : undefined;
  const sessionId = isOurCid(keys.cid, hello.sessionId) ? hello.sessionId : undefined;
  if (byTicket === undefined && sessionId === undefined) {
    sendFullFlight(handshake, nowMs, hello, offer);
    return;
  }
  const { peer } = handshake;
  handshake.ask<ResumptionAnswer>(
    (question) =>
      byTicket === undefined
        ? { kind: 'resumption-wanted', question, peer, sessionId: sessionId! }
        : { kind: 'resumption-wanted', question, peer, credential: byTicket.credential, provedAtMs: byTicket.provedAtMs },
    (answeredMs, answer) => {
      const session = answer.ok ? (byTicket ?? storedSession(answer.fixed, hello.sessionId)) : undefined;
      if (session === undefined || !isResumable(session, hello, offer, handshake)) sendFullFlight(handshake, answeredMs, hello, offer);
      else if (session.extendedMasterSecret && !offer.extendedMasterSecret) {
        // RFC 7627 §5.3: such a client must not be resumed, nor be served another way.
        handshake.fail(answeredMs, 'extended-master-secret', Alert.HANDSHAKE_FAILURE);
      } else sendResumedFlight(handshake, hello, offer, session);
    },
  );
}

function storedSession(fixed: Uint8Array | undefined, sessionId: Uint8Array): Session | undefined {
  const association = fixed === undefined ? undefined : decodeFixed(fixed);
  if (association === undefined || association.masterSecret.length === 0) return undefined;
  return equalBytes(association.cid, sessionId) ? association : undefined;
}

function isResumable(session: Session, hello: ClientHello, offer: ClientOffer, handshake: ServerHandshake): boolean {
  const { id } = session.suite;
  if (!hello.cipherSuites.includes(id) || !handshake.context.settings.cipherSuites.includes(id)) return false;
  // RFC 7627 §5.3: a session without it becomes a full handshake with it.
  return session.extendedMasterSecret || !offer.extendedMasterSecret;
}

function sendFullFlight(handshake: ServerHandshake, nowMs: number, hello: ClientHello, offer: ClientOffer): void {
  const { settings } = handshake.context;
  const choice = chooseSuite(hello, offer, settings);
  if (!choice.ok) {
    handshake.fail(nowMs, choice.reason, choice.alert);
    return;
  }
  const cid = createCid(settings.keys.cid, settings.routingHint, settings.random);
  const cidAgreed = settings.connectionIds && offer.connectionId !== undefined;
  const issueTicket = settings.keys.ticket !== undefined && offer.ticket !== undefined;
  const serverRandom = settings.random(RANDOM_LENGTH);
  handshake.agreement = { hello, offer, choice, serverRandom, resumed: false, issueTicket, cid, cidAgreed };
  handshake.core.sizes = { ...handshake.core.sizes, maxContentBytes: sendLimit(offer) };
  if (cidAgreed) handshake.owner.announceCid(handshake);
  const extensions = answerExtensions({ offer, hello, choice, ownCid: cidAgreed ? cid : EMPTY_BYTES, ticketFollows: issueTicket, resumed: false }, settings);
  const body = encodeServerHello({ version: DTLS_1_2, random: serverRandom, sessionId: cid, cipherSuite: choice.suite.id, extensions });
  const serverHello = (): FlightPart => handshake.core.message(HandshakeType.SERVER_HELLO, body);
  const { ecdhe } = choice;
  if (ecdhe === undefined) {
    const parts = [serverHello(), handshake.core.message(HandshakeType.SERVER_HELLO_DONE, EMPTY_BYTES)];
    handshake.step = onClientKeyExchange;
    handshake.core.sendFlight(nowMs, parts, true);
    return;
  }
  handshake.work(nowMs, { kind: 'offer', group: ecdhe.group, clientRandom: hello.random, serverRandom, signingKey: ecdhe.keyPair.privateKey }, (doneMs, { share, signature }) => {
    handshake.share = share;
    const parts = [serverHello(), ...ecdheMessages(handshake, ecdhe, share.point, signature)];
    handshake.step = onCertificate;
    handshake.core.sendFlight(doneMs, parts, true);
  });
}

function ecdheMessages(handshake: ServerHandshake, ecdhe: EcdheChoice, point: Uint8Array, signature: Uint8Array): FlightPart[] {
  const { core, context } = handshake;
  const { credential, group, keyPair } = ecdhe;
  const certificate = credential === undefined ? encodeRawPublicKey(keyPair.publicKey) : encodeCertificateChain(credential.chain);
  const authorities = ecdhe.clientCertificateType === CertificateType.X509 ? context.settings.certificateAuthorities : [];
  return [
    core.message(HandshakeType.CERTIFICATE, certificate),
    core.message(HandshakeType.SERVER_KEY_EXCHANGE, encodeEcdheServerKeyExchange({ group, point, signature })),
    core.message(HandshakeType.CERTIFICATE_REQUEST, encodeCertificateRequest(authorities)),
    core.message(HandshakeType.SERVER_HELLO_DONE, EMPTY_BYTES),
  ];
}
