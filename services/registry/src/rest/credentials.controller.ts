/** Credentials of one endpoint: set, listed without their secrets, revoked. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { type CredentialsRequest, credentialsRequest, type CredentialView, endpointName, problemCodes, type ProblemCode } from '@cluster/contracts';
import { ApiError, malformed } from '@cluster/nest-kit';
import { type CredentialRefusal, CredentialsUnreadable } from '@cluster/session';
import type { RegistryMetrics } from '../metrics.ts';
import type { CredentialsPort } from '../northbound-port.ts';
import { CREDENTIALS, METRICS } from '../tokens.ts';
import { endpointUnknown } from './errors.ts';

const REFUSALS: Readonly<Record<CredentialRefusal, ProblemCode>> = {
  'key-short': 'PSK_TOO_SHORT',
  'key-shared': 'PSK_SHARED',
  'identity-taken': 'IDENTITY_TAKEN',
};

@Controller('api/v1/endpoints/:endpoint/credentials')
export class CredentialsController {
  readonly #credentials: CredentialsPort;
  readonly #metrics: RegistryMetrics;

  constructor(@Inject(CREDENTIALS) credentials: CredentialsPort, @Inject(METRICS) metrics: RegistryMetrics) {
    this.#credentials = credentials;
    this.#metrics = metrics;
  }

  @Get()
  async list(@Param('endpoint') endpoint: string): Promise<CredentialView[]> {
    const credentials = await this.#with((port) => port.list(endpoint));
    if (credentials === undefined) throw endpointUnknown(endpoint);
    return credentials;
  }

  @Put()
  async set(
    @Param('endpoint', { schema: endpointName }) endpoint: string,
    @Body({ schema: credentialsRequest }) body: CredentialsRequest,
  ): Promise<CredentialView[]> {
    const change = await this.#with((port) => port.set(endpoint, body));
    if (change.outcome === 'set') {
      this.#metrics.credentialsChanged('set');
      return change.credentials;
    }
    this.#metrics.credentialRefused(change.outcome === 'malformed' ? 'malformed' : change.reason);
    if (change.outcome === 'malformed') throw problemOf('CREDENTIALS_MALFORMED', { faults: change.faults });
    throw problemOf(REFUSALS[change.reason], { detail: change.kind });
  }

  @Delete()
  @HttpCode(204)
  async revokeAll(@Param('endpoint') endpoint: string): Promise<void> {
    const removed = await this.#with((port) => port.remove(endpoint, 'all'));
    if (removed === undefined) throw endpointUnknown(endpoint);
    if (removed) this.#metrics.credentialsChanged('revoked');
  }

  @Delete(':version')
  @HttpCode(204)
  async revoke(@Param('endpoint') endpoint: string, @Param('version') version: string): Promise<void> {
    if (!/^[1-9]\d{0,9}$/.test(version)) throw malformed([{ path: 'version', message: 'expected the version of a credential' }]);
    const removed = await this.#with((port) => port.remove(endpoint, Number(version)));
    if (removed === undefined) throw endpointUnknown(endpoint);
    if (!removed) throw problemOf('CREDENTIAL_UNKNOWN', { detail: version });
    this.#metrics.credentialsChanged('revoked');
  }

  /** What was sealed with a secret that is missing does not open. */
  async #with<T>(call: (port: CredentialsPort) => Promise<T>): Promise<T> {
    try {
      return await call(this.#credentials);
    } catch (error) {
      throw error instanceof CredentialsUnreadable ? problemOf('SECRETS_MISSING', { cause: error }) : error;
    }
  }
}

function problemOf(code: ProblemCode, details: ConstructorParameters<typeof ApiError>[3]): ApiError {
  const { status, meaning } = problemCodes[code];
  return new ApiError(status, code, meaning, details);
}
