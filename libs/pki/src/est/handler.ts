/**
 * Enrolment over Secure Transport for devices (RFC 7030 over CoAP, RFC 9148; OMA security mode 4), without sockets: a request
 * of a device that proved who it is comes in, an answer goes out. A certificate is kept, and accepted from the device, before
 * its first byte is sent.
 */
import { equalBytes, toHex } from '@cluster/bytes';
import { Code } from '@cluster/coap';
import { parseCertificate } from '@cluster/dtls';
import type { CertificateDesk, Issued } from '../certificate-desk.ts';
import { parseRequest } from '../certification-request.ts';
import { certsOnly } from '../certs-only.ts';
import { generateKeyPairSync } from '../crypto.ts';
import { judgeRequest, type RequestRefusal } from '../request-policy.ts';
import type { CertificateStore } from '../store.ts';
import { CSR_ATTRIBUTES, EST_RESOURCES, EstFormat, type EstResourceInfo, estLinks, multipart } from './formats.ts';

/** Who asks, by what its association proved. */
export interface EstDevice {
  readonly number: string;
  readonly endpoint: string;
  /** SHA-256 of the certificate that it showed, if it showed one. */
  readonly certificate?: Uint8Array | undefined;
}

export interface EstRequest {
  /** What follows `/.well-known/est/`. */
  readonly resource: string;
  readonly method: number;
  readonly contentFormat?: number | undefined;
  readonly accept?: number | undefined;
  readonly payload: Uint8Array;
  /** Undefined: it came without security. */
  readonly device: EstDevice | undefined;
  readonly nowMs: number;
}

/** `unavailable`: 5.03 with Max-Age; the device comes again. */
export type EstAnswer =
  | { readonly code: number; readonly contentFormat?: number; readonly payload?: Uint8Array; readonly reason?: string }
  | 'unavailable';

/** The device's credentials, as far as enrolment changes them. */
export interface EnrolledCredentials {
  /** The newest certificate that was issued to the device and that it was not seen to use yet, in DER. */
  unused(device: EstDevice): Promise<Uint8Array | undefined>;
  /** From now on the device may prove itself with this certificate; what it had holds until it did. False: it can not be the device's. */
  install(device: EstDevice, issued: Pick<Issued, 'certificate' | 'sha256'>): Promise<boolean>;
}

interface Deps {
  readonly desk: CertificateDesk;
  readonly store: Pick<CertificateStore, 'certificatesOf'>;
  readonly credentials: EnrolledCredentials;
  /** Whether devices may have the server make their keys (skg, skc). */
  readonly serverKeys: boolean;
  /** Told of each request: the resource, and what came of it. */
  readonly count: (resource: string, outcome: string) => void;
}

const REFUSALS: Readonly<Record<RequestRefusal, readonly [code: number, reason: string]>> = {
  'too-large': [Code.REQUEST_ENTITY_TOO_LARGE, 'the request is too large'],
  malformed: [Code.BAD_REQUEST, 'no PKCS #10 in DER'],
  'unsupported-key': [Code.BAD_REQUEST, 'expected a key of secp256r1'],
  'bad-signature': [Code.BAD_REQUEST, 'the signature is not by the key'],
  'channel-binding-unsupported': [Code.BAD_REQUEST, 'challengePassword is not supported'],
  'unsupported-attribute': [Code.BAD_REQUEST, 'an attribute that is not supported'],
  'unsupported-extension': [Code.BAD_REQUEST, 'an extension that is not supported'],
  'unsupported-use': [Code.FORBIDDEN, 'only for clients of TLS'],
  'names-differ': [Code.FORBIDDEN, 'a name that is not the endpoint'],
};

/** A certificate that was issued and not used is given again while it has so much of its time left. */
const MIN_LEFT = 0.5;

export class EstHandler {
  readonly #deps: Deps;
  /** Devices that are being enrolled: one request at a time. */
  readonly #enrolling = new Set<string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The answer to `GET /.well-known/core`: links to what is served here. RFC 9148 §4.1 */
  links(query: readonly string[]): EstAnswer {
    const names = Object.keys(EST_RESOURCES).filter((name) => this.#serves(name));
    return { code: Code.CONTENT, contentFormat: EstFormat.linkFormat, payload: estLinks(names, query) };
  }

  /** Rejects where the store is away. */
  async handle(request: EstRequest): Promise<EstAnswer> {
    const answer = await this.#answer(request);
    const resource = this.#serves(request.resource) ? request.resource : 'unknown';
    this.#deps.count(resource, answer === 'unavailable' ? answer : `${answer.code >> 5}.${String(answer.code & 0x1f).padStart(2, '0')}`);
    return answer;
  }

  #serves(resource: string): boolean {
    const known = Object.hasOwn(EST_RESOURCES, resource) ? EST_RESOURCES[resource] : undefined;
    return known !== undefined && (known.serverKey !== true || this.#deps.serverKeys);
  }

  async #answer(request: EstRequest): Promise<EstAnswer> {
    const { resource, method, accept, device } = request;
    if (!this.#serves(resource)) return refusal(Code.NOT_FOUND);
    const known = EST_RESOURCES[resource]!;
    if (method !== Code[known.method]) return refusal(Code.METHOD_NOT_ALLOWED);
    if (device === undefined) return refusal(Code.UNAUTHORIZED, 'over DTLS only'); // RFC 9148 §4
    if (accept !== undefined && !known.formats.includes(accept)) return refusal(Code.NOT_ACCEPTABLE);
    if (resource === 'att') return { code: Code.CONTENT, contentFormat: EstFormat.csrAttributes, payload: CSR_ATTRIBUTES };
    if (resource === 'crts') return this.#authorities(accept);
    if (request.contentFormat !== EstFormat.pkcs10) return refusal(Code.UNSUPPORTED_CONTENT_FORMAT, 'expected content format 286');
    if (this.#enrolling.has(device.number)) return 'unavailable';
    this.#enrolling.add(device.number);
    try {
      return await this.#enrol(request, device, known);
    } finally {
      this.#enrolling.delete(device.number);
    }
  }

  /** RFC 7030 §4.1.3: what a device needs to verify certificates of the authority. */
  #authorities(accept: number | undefined): EstAnswer {
    const { chain } = this.#deps.desk.authority;
    if (accept !== EstFormat.certificate) return { code: Code.CONTENT, contentFormat: EstFormat.certsOnly, payload: certsOnly(chain) };
    // A certificate alone can only be given where there is one.
    return chain.length === 1 ? { code: Code.CONTENT, contentFormat: accept, payload: chain[0]! } : refusal(Code.NOT_ACCEPTABLE, 'there are several');
  }

  async #enrol(request: EstRequest, device: EstDevice, { serverKey = false }: EstResourceInfo): Promise<EstAnswer> {
    const asked = parseRequest(request.payload, { proof: !serverKey });
    const refused = typeof asked === 'string' ? asked : judgeRequest(asked, device.endpoint);
    if (typeof asked === 'string' || refused !== undefined) return refusal(...REFUSALS[refused as RequestRefusal]);
    if (request.resource === 'sren' && !(await this.#holds(device, request.nowMs))) return refusal(Code.FORBIDDEN, 'shown was no certificate of this server');
    const keys = serverKey ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : undefined;
    const publicKey = keys?.publicKey.export({ format: 'der', type: 'spki' }) ?? asked.publicKey.der;
    const certificate = await this.#certificate(device, publicKey, request.nowMs);
    if (typeof certificate === 'string') return certificate === 'unavailable' ? certificate : refusal(Code.FORBIDDEN, certificate);
    if (keys !== undefined) return withKey(keys.privateKey.export({ format: 'der', type: 'pkcs8' }), certificate, request.resource);
    // RFC 9148 §4.3: without a preference, certificates in a PKCS #7.
    const alone = request.accept === EstFormat.certificate;
    return { code: Code.CHANGED, contentFormat: alone ? EstFormat.certificate : EstFormat.certsOnly, payload: alone ? certificate : certsOnly([certificate]) };
  }

  /** RFC 7030 §4.2.2: who renews a certificate shows the one that it has. */
  async #holds({ endpoint, certificate }: EstDevice, nowMs: number): Promise<boolean> {
    if (certificate === undefined) return false;
    const shown = toHex(certificate);
    const kept = await this.#deps.store.certificatesOf(endpoint);
    return kept.some(({ sha256, revocation, notAfterMs }) => sha256 === shown && revocation === undefined && nowMs <= notAfterMs);
  }

  /** The one that the device was given before for this key, if its answer got lost; else a new one. */
  async #certificate(device: EstDevice, publicKey: Uint8Array, nowMs: number): Promise<Uint8Array | string> {
    const { desk, credentials } = this.#deps;
    const before = await credentials.unused(device);
    if (before !== undefined && fits(before, publicKey, nowMs)) return before;
    const issued = await desk.issue(device.endpoint, publicKey, nowMs);
    if (issued === 'authority-over') return 'unavailable';
    if (typeof issued === 'string') return 'the endpoint can not have a certificate';
    return (await credentials.install(device, issued)) ? issued.certificate : 'the certificate can not be the device\'s';
  }
}

function fits(der: Uint8Array, publicKey: Uint8Array, nowMs: number): boolean {
  const certificate = parseCertificate(der);
  if (typeof certificate === 'string' || !equalBytes(certificate.spki, publicKey)) return false;
  return certificate.notAfterMs - nowMs > MIN_LEFT * (certificate.notAfterMs - certificate.notBeforeMs);
}

/** RFC 9148 §4.8: the key, then its certificate. */
function withKey(privateKey: Uint8Array, certificate: Uint8Array, resource: string): EstAnswer {
  const last = resource === 'skc' ? ([EstFormat.certificate, certificate] as const) : ([EstFormat.certsOnly, certsOnly([certificate])] as const);
  return { code: Code.CHANGED, contentFormat: EstFormat.multipart, payload: multipart([[EstFormat.pkcs8, privateKey], last]) };
}

function refusal(code: number, reason?: string): EstAnswer {
  return { code, ...(reason === undefined ? {} : { reason }) };
}
