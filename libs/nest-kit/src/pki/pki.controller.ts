/** The certification authority over REST: what it issued, revocation, its certificate and its revocation list. */
import { Controller, Delete, Get, Header, HttpCode, Inject, Param, Query } from '@nestjs/common';
import {
  certificateSerial, type IssuedCertificatePage, issuedCertificatesQuery, type IssuedCertificatesQuery, type IssuedCertificateView, problemCodes, type ProblemCode,
  revocationQuery, type RevocationQuery,
} from '@cluster/contracts';
import { type ExpiryPlace, type IssuedCertificate, pemBlock, RevocationsFull } from '@cluster/pki';
import { CredentialsUnreadable } from '@cluster/session';
import type { Caller } from '../access/caller.ts';
import { RequestCaller } from '../access/guard.ts';
import { checkChange } from '../access/owned.ts';
import { ApiError, malformed } from '../problem.ts';
import { PKI, type Pki } from './pki-ports.ts';

@Controller('api/v1/pki')
export class PkiController {
  readonly #pki: Pki;

  constructor(@Inject(PKI) pki: Pki) {
    this.#pki = pki;
  }

  @Get('certificates')
  async list(@Query({ schema: issuedCertificatesQuery }) query: IssuedCertificatesQuery, @RequestCaller() caller: Caller): Promise<IssuedCertificatePage> {
    const { certificates, timeMs } = this.#pki;
    const { endpoint, expiresBefore, limit } = query;
    const untilMs = expiresBefore === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(expiresBefore);
    const nowMs = await timeMs();
    const seen = async (all: readonly IssuedCertificate[]) => (await this.#seenBy(caller, all)).map((each) => viewOf(each, nowMs, this.#pki.renewalMs));
    if (endpoint !== undefined) {
      const all = await certificates.certificatesOf(endpoint);
      return { certificates: await seen(all.filter(({ notAfterMs }) => notAfterMs <= untilMs)) };
    }
    const page = await certificates.certificatesByExpiry({ untilMs: Math.min(untilMs, LAST_MS), after: placeIn(query.cursor), limit });
    const last = page.length < limit ? undefined : page.at(-1);
    return { certificates: await seen(page), ...(last === undefined ? {} : { next: cursorOf(last) }) };
  }

  @Delete('certificates/:serial')
  @HttpCode(204)
  async revoke(@Param('serial', { schema: certificateSerial }) serial: string, @Query({ schema: revocationQuery }) { reason }: RevocationQuery, @RequestCaller() caller: Caller): Promise<void> {
    await this.#check(caller, serial);
    const revoked = await told(async () => this.#pki.revocations.revoke(serial, reason, await this.#pki.timeMs()));
    if (revoked === undefined) throw problemOf('CERTIFICATE_UNKNOWN', { detail: serial });
  }

  /** A certificate of a device of another tenant is as none. */
  async #check(caller: Caller, serial: string): Promise<void> {
    if (caller.may('provision', undefined)) return;
    const unknown = () => problemOf('CERTIFICATE_UNKNOWN', { detail: serial });
    const endpoint = (await this.#pki.certificates.findCertificate(serial))?.endpoint;
    const tenant = endpoint === undefined ? undefined : (await this.#pki.tenantsOf([endpoint])).get(endpoint);
    if (tenant === undefined) throw unknown();
    checkChange(caller, 'provision', { tenant }, unknown);
  }

  async #seenBy(caller: Caller, all: readonly IssuedCertificate[]): Promise<readonly IssuedCertificate[]> {
    if (caller.seesAll || all.length === 0) return all;
    const tenants = await this.#pki.tenantsOf(all.map(({ endpoint }) => endpoint));
    return all.filter(({ endpoint }) => caller.may('view', tenants.get(endpoint)));
  }

  @Get('ca')
  @Header('content-type', 'application/pem-certificate-chain')
  authority(): string {
    return this.#pki.authority().chain.map((der) => pemBlock('CERTIFICATE', der)).join('');
  }

  @Get('crl')
  @Header('content-type', 'application/pkix-crl')
  async revocationList(): Promise<Buffer> {
    const { revocations, timeMs } = this.#pki;
    await told(async () => (await revocations.list()) ?? revocations.publish(await timeMs()));
    return Buffer.from((await revocations.list())!);
  }
}

/** Further than any certificate lasts. */
const LAST_MS = Date.UTC(9999, 11, 31);

async function told<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RevocationsFull) throw problemOf('REVOCATIONS_FULL', { cause: error });
    throw error instanceof CredentialsUnreadable ? problemOf('SECRETS_MISSING', { cause: error }) : error;
  }
}

function problemOf(code: ProblemCode, details: ConstructorParameters<typeof ApiError>[3]): ApiError {
  const { status, meaning } = problemCodes[code];
  return new ApiError(status, code, meaning, details);
}

function cursorOf({ notAfterMs, serial }: ExpiryPlace): string {
  return Buffer.from(`${notAfterMs}.${serial}`).toString('base64url');
}

function placeIn(cursor: string | undefined): ExpiryPlace | undefined {
  if (cursor === undefined) return undefined;
  const [, ms, serial] = /^(\d{1,15})\.([0-9a-f]{2,40})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (ms === undefined || serial === undefined) throw malformed([{ path: 'cursor', message: 'expected the `next` of a page' }]);
  return { notAfterMs: Number(ms), serial };
}

function viewOf({ serial, endpoint, sha256, notBeforeMs, notAfterMs, revocation }: IssuedCertificate, nowMs: number, renewalMs: number): IssuedCertificateView {
  const standing = notAfterMs < nowMs ? 'over' : notAfterMs - renewalMs < nowMs ? 'due' : 'valid';
  return {
    serial, endpoint, sha256,
    notBefore: new Date(notBeforeMs).toISOString(), notAfter: new Date(notAfterMs).toISOString(),
    state: revocation === undefined ? standing : 'revoked',
    ...(revocation === undefined ? {} : { revokedAt: new Date(revocation.atMs).toISOString(), reason: revocation.reason }),
  };
}
