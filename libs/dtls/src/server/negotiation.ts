/** Chooses what a ClientHello and the settings have in common, and says it in the ServerHello's extensions. */
import { EMPTY_BYTES } from '@cluster/bytes';
import { Alert } from '../alerts.ts';
import type { ClientHello } from '../messages/client-hello.ts';
import {
  CertificateType,
  ECDSA_SHA256,
  EMPTY_RENEGOTIATION_INFO,
  ExtensionType,
  UNCOMPRESSED_ONLY,
  decodeConnectionId,
  decodeMaxFragmentLength,
  decodeRecordSizeLimit,
  decodeServerName,
  decodeUint16Vector,
  decodeUint8Vector,
} from '../messages/extensions.ts';
import type { Extensions } from '../messages/extensions.ts';
import { DTLS_1_2, MAX_PLAINTEXT } from '../record/record.ts';
import type { CipherSuite } from '../suites.ts';
import { EMPTY_RENEGOTIATION_INFO_SCSV, cipherSuite } from '../suites.ts';
import { uint16, uint8 } from '../wire/writer.ts';
import type { Refusal } from './counters.ts';
import type { ServerCredential, ServerKeyPair, ServerSettings } from './options.ts';

/** The extensions of a ClientHello that mean something here, parsed. */
export interface ClientOffer {
  readonly serverName?: string;
  readonly groups?: readonly number[];
  readonly signatureAlgorithms?: readonly number[];
  readonly pointFormats?: Uint8Array;
  readonly clientCertificateTypes: Uint8Array;
  readonly serverCertificateTypes: Uint8Array;
  readonly maxFragmentLength?: number;
  readonly recordSizeLimit?: number;
  readonly connectionId?: Uint8Array;
  readonly ticket?: Uint8Array;
  readonly encryptThenMac: boolean;
  readonly extendedMasterSecret: boolean;
  readonly secureRenegotiation: boolean;
}

export interface Refused {
  readonly ok: false;
  readonly reason: Refusal;
  readonly alert: number;
}

/** Group, own key pair, and the types of both certificates. */
export interface EcdheChoice {
  readonly group: number;
  readonly keyPair: ServerKeyPair;
  /** What is shown: a chain, or nothing for a raw public key. */
  readonly credential: ServerCredential | undefined;
  readonly serverCertificateType: number;
  readonly clientCertificateType: number;
}

/** What one suite goes with. */
export interface SuiteChoice {
  readonly suite: CipherSuite;
  readonly ecdhe?: EcdheChoice;
}

const refused = (reason: Refusal, alert: number): Refused => ({ ok: false, reason, alert });
const X509_ONLY = Uint8Array.of(CertificateType.X509);

/** What the hellos agreed on. */
export interface Agreement {
  readonly hello: ClientHello;
  readonly offer: ClientOffer;
  readonly choice: SuiteChoice;
  readonly serverRandom: Uint8Array;
  readonly resumed: boolean;
  readonly issueTicket: boolean;
  /** The association's name; on the wire only if `cidAgreed`. */
  readonly cid: Uint8Array;
  readonly cidAgreed: boolean;
}

/** Checks the fixed part and parses the extensions. */
export function readOffer(hello: ClientHello): { readonly ok: true; readonly offer: ClientOffer } | Refused {
  // Versions count down: a client of DTLS 1.3 says 1.2 here; one that knows 1.0 only says 0xfeff.
  if (hello.version > DTLS_1_2) return refused('protocol-version', Alert.PROTOCOL_VERSION);
  if (!hello.compressionMethods.includes(0)) return refused('malformed-hello', Alert.ILLEGAL_PARAMETER);
  const renegotiation = hello.extensions.get(ExtensionType.RENEGOTIATION_INFO);
  // RFC 5746 §3.6: in a first handshake it must be empty.
  if (renegotiation !== undefined && (renegotiation.length !== 1 || renegotiation[0] !== 0)) return refused('renegotiation', Alert.HANDSHAKE_FAILURE);
  const offer = parseExtensions(hello.extensions);
  if (typeof offer === 'number') return refused('malformed-hello', offer);
  const secureRenegotiation = renegotiation !== undefined || hello.cipherSuites.includes(EMPTY_RENEGOTIATION_INFO_SCSV);
  return { ok: true, offer: { ...offer, secureRenegotiation } };
}

/** What they say, or the alert for the first that says nothing that may be said. */
function parseExtensions(extensions: Extensions): Omit<ClientOffer, 'secureRenegotiation'> | number {
  let fault: number | undefined;
  const parsed = <Value>(type: number, decode: (body: Uint8Array) => Value | undefined, alert: number = Alert.DECODE_ERROR): Value | undefined => {
    const body = extensions.get(type);
    const value = body === undefined ? undefined : decode(body);
    if (body !== undefined && value === undefined) fault ??= alert;
    return value;
  };
  const flag = (type: number): boolean => parsed(type, (body) => (body.length === 0 ? true : undefined)) ?? false;
  const offer = {
    ...present('serverName', parsed(ExtensionType.SERVER_NAME, (body) => decodeServerName(body) || undefined)),
    ...present('groups', parsed(ExtensionType.SUPPORTED_GROUPS, decodeUint16Vector)),
    ...present('signatureAlgorithms', parsed(ExtensionType.SIGNATURE_ALGORITHMS, decodeUint16Vector)),
    ...present('pointFormats', parsed(ExtensionType.EC_POINT_FORMATS, decodeUint8Vector)),
    clientCertificateTypes: parsed(ExtensionType.CLIENT_CERTIFICATE_TYPE, decodeUint8Vector) ?? X509_ONLY,
    serverCertificateTypes: parsed(ExtensionType.SERVER_CERTIFICATE_TYPE, decodeUint8Vector) ?? X509_ONLY,
    ...present('maxFragmentLength', parsed(ExtensionType.MAX_FRAGMENT_LENGTH, decodeMaxFragmentLength, Alert.ILLEGAL_PARAMETER)), // RFC 6066 §4
    ...present('recordSizeLimit', parsed(ExtensionType.RECORD_SIZE_LIMIT, decodeRecordSizeLimit, Alert.ILLEGAL_PARAMETER)), // RFC 8449 §4
    ...present('connectionId', parsed(ExtensionType.CONNECTION_ID, decodeConnectionId)),
    ...present('ticket', extensions.get(ExtensionType.SESSION_TICKET)),
    encryptThenMac: flag(ExtensionType.ENCRYPT_THEN_MAC),
    extendedMasterSecret: flag(ExtensionType.EXTENDED_MASTER_SECRET),
  };
  return fault ?? offer;
}

/** `{name: value}`, or nothing for undefined. */
function present<Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, Value>);
}

/** The first suite of ours that the client offers along with all it needs. */
export function chooseSuite(hello: ClientHello, offer: ClientOffer, settings: ServerSettings): ({ readonly ok: true } & SuiteChoice) | Refused {
  const credential = chooseCredential(offer.serverName, settings);
  if (credential === 'unknown') return refused('unknown-server-name', Alert.UNRECOGNIZED_NAME);
  for (const id of settings.cipherSuites) {
    const suite = hello.cipherSuites.includes(id) ? cipherSuite(id) : undefined;
    if (suite === undefined) continue;
    if (suite.keyExchange === 'psk') return { ok: true, suite };
    const ecdhe = ecdheChoice(offer, settings, credential);
    if (ecdhe !== undefined) return { ok: true, suite, ecdhe };
  }
  return refused('no-common-parameters', Alert.HANDSHAKE_FAILURE);
}

function chooseCredential(serverName: string | undefined, settings: ServerSettings): ServerCredential | 'unknown' | undefined {
  const [first] = settings.credentials;
  if (serverName === undefined || first === undefined) return first;
  const named = settings.credentials.find(({ names }) => names.includes(serverName));
  return named ?? (settings.unknownServerName === 'refuse' ? 'unknown' : first);
}

function ecdheChoice(offer: ClientOffer, settings: ServerSettings, credential: ServerCredential | undefined): EcdheChoice | undefined {
  // RFC 8422 §4: without the extension, any group may be used.
  const group = settings.groups.find((each) => offer.groups?.includes(each) ?? true);
  if (group === undefined || offer.pointFormats?.includes(0) === false || offer.signatureAlgorithms?.includes(ECDSA_SHA256) !== true) return undefined;
  const rawKey = settings.rawPublicKey ?? credential;
  const chain = credential !== undefined && credential.chain.length > 0 ? credential : undefined;
  const keyPairs = new Map([
    [CertificateType.X509 as number, chain],
    [CertificateType.RAW_PUBLIC_KEY as number, rawKey],
  ]);
  const taken = settings.clientCredentials.map((kind): number => (kind === 'x509' ? CertificateType.X509 : CertificateType.RAW_PUBLIC_KEY));
  const clientCertificateType = [...offer.clientCertificateTypes].find((type) => taken.includes(type));
  // A client with a raw key knows ours as one: GnuTLS lists X.509 first all the same, and then refuses the chain.
  const listed = [...offer.serverCertificateTypes].sort((a, b) => Number(b === clientCertificateType) - Number(a === clientCertificateType));
  const ordered = clientCertificateType === CertificateType.RAW_PUBLIC_KEY ? listed : offer.serverCertificateTypes;
  const serverCertificateType = [...ordered].find((type) => keyPairs.get(type) !== undefined);
  if (serverCertificateType === undefined || clientCertificateType === undefined) return undefined;
  const shown = serverCertificateType === CertificateType.X509 ? chain : undefined;
  return { group, keyPair: keyPairs.get(serverCertificateType)!, credential: shown, serverCertificateType, clientCertificateType };
}

export interface HelloAnswer {
  readonly offer: ClientOffer;
  readonly hello: ClientHello;
  readonly choice: SuiteChoice;
  /** Empty: none agreed. */
  readonly ownCid: Uint8Array;
  readonly ticketFollows: boolean;
  readonly resumed: boolean;
}

/** The ServerHello's extensions: none that the client didn't offer (RFC 5246 §7.4.1.4). */
export function answerExtensions({ offer, hello, choice, ownCid, ticketFollows, resumed }: HelloAnswer, settings: ServerSettings): Extensions {
  const answer = new Map<number, Uint8Array>();
  if (offer.secureRenegotiation) answer.set(ExtensionType.RENEGOTIATION_INFO, EMPTY_RENEGOTIATION_INFO);
  if (offer.extendedMasterSecret) answer.set(ExtensionType.EXTENDED_MASTER_SECRET, EMPTY_BYTES);
  if (usesEncryptThenMac(offer, choice.suite)) answer.set(ExtensionType.ENCRYPT_THEN_MAC, EMPTY_BYTES);
  if (ownCid.length > 0) answer.set(ExtensionType.CONNECTION_ID, Uint8Array.of(ownCid.length, ...ownCid));
  if (ticketFollows) answer.set(ExtensionType.SESSION_TICKET, EMPTY_BYTES);
  // RFC 8449 §5: the newer extension replaces the older one.
  if (offer.recordSizeLimit !== undefined) answer.set(ExtensionType.RECORD_SIZE_LIMIT, uint16(settings.recordSizeLimit));
  else if (offer.maxFragmentLength !== undefined) answer.set(ExtensionType.MAX_FRAGMENT_LENGTH, hello.extensions.get(ExtensionType.MAX_FRAGMENT_LENGTH)!);
  if (choice.ecdhe === undefined || resumed) return answer;
  const { clientCertificateType, serverCertificateType, credential } = choice.ecdhe;
  if (offer.pointFormats !== undefined) answer.set(ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_ONLY);
  if (hello.extensions.has(ExtensionType.CLIENT_CERTIFICATE_TYPE)) answer.set(ExtensionType.CLIENT_CERTIFICATE_TYPE, uint8(clientCertificateType));
  if (hello.extensions.has(ExtensionType.SERVER_CERTIFICATE_TYPE)) answer.set(ExtensionType.SERVER_CERTIFICATE_TYPE, uint8(serverCertificateType));
  if (offer.serverName !== undefined && credential?.names.includes(offer.serverName) === true) answer.set(ExtensionType.SERVER_NAME, EMPTY_BYTES);
  return answer;
}

/** RFC 7366 §2: for block ciphers only. */
export function usesEncryptThenMac(offer: ClientOffer, suite: CipherSuite): boolean {
  return offer.encryptThenMac && suite.cipher === 'aes-128-cbc-sha256';
}

/** The most content bytes a record to this client may have. */
export function sendLimit(offer: ClientOffer): number {
  // RFC 9146's inner type byte counts as content under RFC 8449.
  if (offer.recordSizeLimit !== undefined) return Math.min(MAX_PLAINTEXT, offer.recordSizeLimit - (offer.connectionId?.length ? 1 : 0));
  return offer.maxFragmentLength ?? MAX_PLAINTEXT;
}
