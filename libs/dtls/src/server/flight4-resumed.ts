/** Flight 4 of an abbreviated handshake: ServerHello, perhaps a ticket, change_cipher_spec, Finished (RFC 5246 §7.3); then the client's Finished. */
import { EMPTY_BYTES } from '@cluster/bytes';
import { Alert } from '../alerts.ts';
import { createCid } from '../association/cid.ts';
import type { Session } from '../association/session.ts';
import { RANDOM_LENGTH } from '../messages/client-hello.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import { HandshakeType } from '../messages/handshake.ts';
import { encodeServerHello } from '../messages/server-hello.ts';
import { DTLS_1_2 } from '../record/record.ts';
import type { ServerHandshake, Step } from './handshake.ts';
import { deriveServerKeys } from './keys.ts';
import { answerExtensions, sendLimit } from './negotiation.ts';
import type { ClientOffer } from './negotiation.ts';
import { storeAssociation } from './storing.ts';
import { newSessionTicket } from './ticket.ts';

/** Renews the keys of a session. It is our last flight, so the association is stored before it, provisionally. */
export function sendResumedFlight(handshake: ServerHandshake, hello: ClientHello, offer: ClientOffer, session: Session): void {
  const { context, core } = handshake;
  const { settings } = context;
  const cid = createCid(settings.keys.cid, settings.routingHint, settings.random);
  const cidAgreed = settings.connectionIds && offer.connectionId !== undefined;
  const issueTicket = settings.keys.ticket !== undefined && offer.ticket !== undefined;
  const choice = { suite: session.suite };
  const serverRandom = settings.random(RANDOM_LENGTH);
  handshake.agreement = { hello, offer, choice, serverRandom, resumed: true, issueTicket, cid, cidAgreed };
  const { credential } = session;
  handshake.identity = credential.identity;
  handshake.deviceNumber = credential.deviceNumber;
  handshake.credentialVersion = credential.credentialVersion;
  handshake.validUntilMs = credential.validUntilMs;
  handshake.provedAtMs = session.provedAtMs;
  core.sizes = { ...core.sizes, maxContentBytes: sendLimit(offer) };
  if (cidAgreed) handshake.owner.announceCid(handshake);
  deriveServerKeys(handshake, session.masterSecret, 'master');
  storeAssociation(handshake, undefined, (storedMs) => {
    const extensions = answerExtensions({ offer, hello, choice, ownCid: cidAgreed ? cid : EMPTY_BYTES, ticketFollows: issueTicket, resumed: true }, settings);
    // RFC 5246 §7.4.1.3, RFC 5077 §3.4: the client's own session id says that it is resumed.
    const serverHello = encodeServerHello({ version: DTLS_1_2, random: serverRandom, sessionId: hello.sessionId, cipherSuite: session.suite.id, extensions });
    const messages = [core.message(HandshakeType.SERVER_HELLO, serverHello), ...newSessionTicket(handshake)];
    const finished = core.message(HandshakeType.FINISHED, core.verifyData('server'), 1);
    handshake.step = onResumedFinished;
    handshake.protectedOut = true;
    core.sendFlight(storedMs, [...messages, { kind: 'change-cipher-spec' }, finished], true);
  });
}

const onResumedFinished: Step = (handshake, nowMs, message) => {
  const { core } = handshake;
  if (message.type !== HandshakeType.FINISHED || handshake.association === undefined) {
    handshake.fail(nowMs, 'unexpected-message', Alert.UNEXPECTED_MESSAGE);
    return;
  }
  core.flightAnswered();
  if (core.isVerifyData('client', message.body)) handshake.complete(nowMs, handshake.association);
  else handshake.fail(nowMs, 'finished', Alert.DECRYPT_ERROR);
};
