/** What a client makes of the server's flight 4 (and 2): each message in its turn. */
import { EMPTY_BYTES, equalBytes } from '@cluster/bytes';
import { Alert } from '../alerts.ts';
import { runPublicKeyWork } from '../keys/public-key-work.ts';
import { decodeCertificateChain, decodeCertificateRequest, decodeRawPublicKey } from '../messages/certificates.ts';
import { decodeHelloVerifyRequest } from '../messages/client-hello.ts';
import { ExtensionType, decodeConnectionId, decodeRecordSizeLimit } from '../messages/extensions.ts';
import { HandshakeType } from '../messages/handshake.ts';
import { decodeEcdheServerKeyExchange, signedParameters } from '../messages/key-exchange.ts';
import { decodeNewSessionTicket, decodeServerHello } from '../messages/server-hello.ts';
import type { ServerHello } from '../messages/server-hello.ts';
import { DTLS_1_2, MAX_PLAINTEXT } from '../record/record.ts';
import { cipherSuite } from '../suites.ts';
import { sendClientHello } from './flight1.ts';
import { sendFinished, sendFlight5 } from './flight5.ts';
import type { ClientAgreement, ClientHandshake, ClientStep } from './handshake.ts';

/** HelloVerifyRequest or ServerHello. */
export const onServerHello: ClientStep = (handshake, nowMs, message) => {
  if (message.type === HandshakeType.HELLO_VERIFY_REQUEST) {
    const verify = decodeHelloVerifyRequest(message.body);
    if (verify === undefined) handshake.fail(Alert.DECODE_ERROR);
    else sendClientHello(handshake, nowMs, verify.cookie);
    return;
  }
  if (!handshake.expects(message, HandshakeType.SERVER_HELLO)) return;
  const hello = decodeServerHello(message.body);
  const agreement = hello === undefined ? undefined : agreementOf(handshake, hello);
  if (agreement === undefined) {
    handshake.fail(Alert.ILLEGAL_PARAMETER);
    return;
  }
  const { core } = handshake;
  core.record(message);
  core.flightAnswered();
  core.sizes = { ...core.sizes, maxContentBytes: agreement.sendLimit };
  handshake.agreement = agreement;
  if (agreement.resumed) {
    handshake.deriveKeys({ masterSecret: handshake.settings.session!.masterSecret });
    handshake.step = agreement.ticketFollows ? onTicket : onFinished;
  } else handshake.step = agreement.suite.keyExchange === 'psk' ? onPskFlight : onCertificate;
};

function agreementOf(handshake: ClientHandshake, hello: ServerHello): ClientAgreement | undefined {
  const { settings } = handshake;
  const suite = settings.cipherSuites.includes(hello.cipherSuite) ? cipherSuite(hello.cipherSuite) : undefined;
  if (hello.version !== DTLS_1_2 || suite === undefined) return undefined;
  const { session } = settings;
  const resumed = session !== undefined && session.id.length > 0 && equalBytes(session.id, hello.sessionId);
  const cid = hello.extensions.get(ExtensionType.CONNECTION_ID);
  const serverCid = cid === undefined ? EMPTY_BYTES : decodeConnectionId(cid);
  const limit = hello.extensions.get(ExtensionType.RECORD_SIZE_LIMIT);
  const recordSizeLimit = limit === undefined ? undefined : decodeRecordSizeLimit(limit);
  if (serverCid === undefined || (cid !== undefined && settings.connectionId === undefined) || (limit !== undefined && recordSizeLimit === undefined)) return undefined;
  const fragment = hello.extensions.has(ExtensionType.MAX_FRAGMENT_LENGTH) ? settings.maxFragmentLength : undefined;
  return {
    hello,
    suite,
    resumed,
    extendedMasterSecret: hello.extensions.has(ExtensionType.EXTENDED_MASTER_SECRET),
    encryptThenMac: hello.extensions.has(ExtensionType.ENCRYPT_THEN_MAC),
    serverCid,
    cidAgreed: cid !== undefined,
    ticketFollows: hello.extensions.has(ExtensionType.SESSION_TICKET),
    sendLimit: Math.min(MAX_PLAINTEXT, recordSizeLimit ?? fragment ?? MAX_PLAINTEXT) - (recordSizeLimit !== undefined && serverCid.length > 0 ? 1 : 0),
  };
}

const onPskFlight: ClientStep = (handshake, nowMs, message) => {
  handshake.core.record(message);
  // RFC 4279 §2: a hint may come; this client has one key anyway.
  if (message.type === HandshakeType.SERVER_KEY_EXCHANGE) return;
  if (handshake.expects(message, HandshakeType.SERVER_HELLO_DONE)) onHelloDone(handshake, nowMs);
};

const onCertificate: ClientStep = (handshake, _nowMs, message) => {
  if (!handshake.expects(message, HandshakeType.CERTIFICATE)) return;
  const { certificate, judgeServer } = handshake.settings;
  const rpk = certificate?.type === 'rpk';
  const key = rpk ? decodeRawPublicKey(message.body) : undefined;
  const chain = rpk ? key && [key] : decodeCertificateChain(message.body);
  const judged = chain === undefined || judgeServer === undefined ? Alert.DECODE_ERROR : judgeServer(rpk ? 'rpk' : 'x509', chain);
  if (typeof judged === 'number') {
    handshake.fail(judged);
    return;
  }
  handshake.core.record(message);
  handshake.serverKey = judged;
  handshake.step = onServerKeyExchange;
};

const onServerKeyExchange: ClientStep = (handshake, _nowMs, message) => {
  if (!handshake.expects(message, HandshakeType.SERVER_KEY_EXCHANGE)) return;
  const parameters = decodeEcdheServerKeyExchange(message.body);
  if (parameters === undefined || !handshake.settings.groups.includes(parameters.group)) {
    handshake.fail(Alert.ILLEGAL_PARAMETER);
    return;
  }
  const signed = signedParameters(handshake.random, handshake.agreement!.hello.random, parameters.group, parameters.point);
  const verified = runPublicKeyWork({ kind: 'verify', publicKey: handshake.serverKey!, message: signed, signature: parameters.signature });
  if (verified.kind !== 'verify' || !verified.valid) {
    handshake.fail(Alert.DECRYPT_ERROR);
    return;
  }
  handshake.core.record(message);
  handshake.serverParameters = parameters;
  handshake.step = onRequestOrDone;
};

const onRequestOrDone: ClientStep = (handshake, nowMs, message) => {
  handshake.core.record(message);
  if (message.type === HandshakeType.CERTIFICATE_REQUEST) {
    const request = decodeCertificateRequest(message.body);
    if (request === undefined) handshake.fail(Alert.DECODE_ERROR);
    else handshake.certificateAsked = true;
    return;
  }
  if (handshake.expects(message, HandshakeType.SERVER_HELLO_DONE)) onHelloDone(handshake, nowMs);
};

function onHelloDone(handshake: ClientHandshake, nowMs: number): void {
  handshake.step = handshake.agreement!.ticketFollows ? onTicket : onFinished;
  sendFlight5(handshake, nowMs);
}

const onTicket: ClientStep = (handshake, _nowMs, message) => {
  if (!handshake.expects(message, HandshakeType.NEW_SESSION_TICKET)) return;
  const ticket = decodeNewSessionTicket(message.body);
  if (ticket === undefined) {
    handshake.fail(Alert.DECODE_ERROR);
    return;
  }
  handshake.core.record(message);
  handshake.ticket = ticket.ticket.slice();
  handshake.step = onFinished;
};

const onFinished: ClientStep = (handshake, nowMs, message) => {
  if (!handshake.expects(message, HandshakeType.FINISHED)) return;
  const { core } = handshake;
  if (!core.isVerifyData('server', message.body)) {
    handshake.fail(Alert.DECRYPT_ERROR);
    return;
  }
  core.flightAnswered();
  core.record(message);
  if (handshake.agreement!.resumed) sendFinished(handshake, nowMs);
  handshake.complete();
};
