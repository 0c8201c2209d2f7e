/** Flights 1 and 3: ClientHello, without a cookie and with the one of a HelloVerifyRequest (RFC 6347 §4.2.1). */
import { EMPTY_BYTES } from '@cluster/bytes';
import { encodeClientHello } from '../messages/client-hello.ts';
import {
  CertificateType,
  ECDSA_SHA256,
  EMPTY_RENEGOTIATION_INFO,
  ExtensionType,
  UNCOMPRESSED_ONLY,
  encodeMaxFragmentLength,
  encodeServerName,
  encodeUint16Vector,
} from '../messages/extensions.ts';
import type { Extensions } from '../messages/extensions.ts';
import { HandshakeType } from '../messages/handshake.ts';
import { DTLS_1_2 } from '../record/record.ts';
import { cipherSuite } from '../suites.ts';
import { uint16, vector8 } from '../wire/writer.ts';
import type { ClientHandshake } from './handshake.ts';
import type { ClientSettings } from './options.ts';

/** Sends the ClientHello. */
export function sendClientHello(handshake: ClientHandshake, nowMs: number, cookie: Uint8Array): void {
  const { settings, random, core } = handshake;
  const body = encodeClientHello({
    version: DTLS_1_2,
    random,
    sessionId: offeredSessionId(settings),
    cookie,
    cipherSuites: settings.cipherSuites,
    compressionMethods: Uint8Array.of(0),
    extensions: offeredExtensions(settings),
  });
  core.forgetTranscript();
  core.sendFlight(nowMs, [core.message(HandshakeType.CLIENT_HELLO, body)], true);
}

/** RFC 5077 §3.4: the id that comes back shows that the session or its ticket was taken. */
function offeredSessionId({ session }: ClientSettings): Uint8Array {
  return session?.id ?? EMPTY_BYTES;
}

function offeredExtensions(settings: ClientSettings): Extensions {
  const { serverName, connectionId, session } = settings;
  const offered = new Map<number, Uint8Array>([[ExtensionType.RENEGOTIATION_INFO, EMPTY_RENEGOTIATION_INFO]]);
  if (serverName !== undefined) offered.set(ExtensionType.SERVER_NAME, encodeServerName(serverName));
  if (settings.extendedMasterSecret) offered.set(ExtensionType.EXTENDED_MASTER_SECRET, EMPTY_BYTES);
  if (settings.encryptThenMac) offered.set(ExtensionType.ENCRYPT_THEN_MAC, EMPTY_BYTES);
  if (connectionId !== undefined) offered.set(ExtensionType.CONNECTION_ID, vector8(connectionId));
  if (settings.tickets) offered.set(ExtensionType.SESSION_TICKET, session?.ticket ?? EMPTY_BYTES);
  if (settings.maxFragmentLength !== undefined) offered.set(ExtensionType.MAX_FRAGMENT_LENGTH, encodeMaxFragmentLength(settings.maxFragmentLength));
  if (settings.recordSizeLimit !== undefined) offered.set(ExtensionType.RECORD_SIZE_LIMIT, uint16(settings.recordSizeLimit));
  if (settings.cipherSuites.some((id) => cipherSuite(id)?.keyExchange === 'ecdhe_ecdsa')) offerEcdhe(settings, offered);
  return offered;
}

function offerEcdhe({ groups, certificate }: ClientSettings, offered: Map<number, Uint8Array>): void {
  offered.set(ExtensionType.SUPPORTED_GROUPS, encodeUint16Vector(groups));
  offered.set(ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_ONLY);
  offered.set(ExtensionType.SIGNATURE_ALGORITHMS, encodeUint16Vector([ECDSA_SHA256]));
  if (certificate?.type !== 'rpk') return;
  offered.set(ExtensionType.CLIENT_CERTIFICATE_TYPE, vector8(Uint8Array.of(CertificateType.RAW_PUBLIC_KEY)));
  offered.set(ExtensionType.SERVER_CERTIFICATE_TYPE, vector8(Uint8Array.of(CertificateType.RAW_PUBLIC_KEY)));
}
