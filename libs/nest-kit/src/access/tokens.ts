/** Tokens of an OpenID provider: who they are for, by its published keys, and what their claims grant. */
import { type ApiKey, DEFAULT_TENANT, type Grant, grant, role, tenantName } from '@cluster/contracts';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { Caller } from './caller.ts';

export interface OidcSettings {
  /** As tokens name it, letter by letter; its discovery document stands below it. */
  readonly issuer: string;
  /** What tokens must be meant for. */
  readonly audience: string;
  /** Where a token has the roles: names of claims, with dots between them. */
  readonly rolesClaim: string;
  readonly tenantClaim: string;
}

/** A token that does not hold. The message may be told to the caller. */
export class TokenRefused extends Error {
  readonly code = 'UNAUTHENTICATED';
}

/** The provider does not answer, and its keys are not known yet. */
export class ProviderUnavailable extends Error {
  readonly code = 'IDENTITY_PROVIDER_UNAVAILABLE';
}

type KeySet = ReturnType<typeof createRemoteJWKSet>;

/** Signatures that only the provider can make: none by a shared secret, and not `none`. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const CLOCK_TOLERANCE_S = 30;
const DISCOVERY_TIMEOUT_MS = 5_000;
const MAX_GRANTS = 20;

export class Tokens {
  readonly #settings: OidcSettings;
  #keys: Promise<KeySet> | undefined;

  constructor(settings: OidcSettings) {
    this.#settings = settings;
  }

  /** Rejects with {@link TokenRefused} or {@link ProviderUnavailable}. */
  async verify(token: string): Promise<Caller> {
    const keys = await this.#keySet();
    const { issuer, audience } = this.#settings;
    const options = { issuer, audience, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_S, requiredClaims: ['exp', 'sub'] };
    try {
      const { payload } = await jwtVerify(token, keys, options);
      return new Caller(`token:${payload.sub}`, grantsOf(payload, this.#settings));
    } catch (error) {
      throw toRefusal(error);
    }
  }

  async #keySet(): Promise<KeySet> {
    this.#keys ??= discover(this.#settings.issuer);
    try {
      return await this.#keys;
    } catch (error) {
      this.#keys = undefined; // asked again with the next token
      throw new ProviderUnavailable('the discovery document of the OpenID provider can not be read', { cause: error });
    }
  }
}

/** OpenID Connect Discovery 1.0 §4. The provider need not be there when the service starts. */
async function discover(issuer: string): Promise<KeySet> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (document.issuer !== issuer) throw new Error('the document is of another issuer');
  return createRemoteJWKSet(new URL(String(document.jwks_uri)));
}

/** What of a token is wrong may be told; what went wrong in fetching keys is the provider's fault. */
function toRefusal(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return new TokenRefused('the token has expired', { cause: error });
  if (error instanceof errors.JWTClaimValidationFailed) return new TokenRefused(`the token's claim ${error.claim} is wrong or missing`, { cause: error });
  const ofProvider = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || !(error instanceof errors.JOSEError);
  if (ofProvider || error.code === 'ERR_JOSE_GENERIC') return new ProviderUnavailable('the keys of the OpenID provider can not be read', { cause: error });
  return new TokenRefused('the token is malformed, or its signature is not of the provider', { cause: error });
}

/** A role by its name holds at the token's tenant; a grant that is spelt out holds as it says. Anything else is for other programs. */
function grantsOf(payload: JWTPayload, { rolesClaim, tenantClaim }: OidcSettings): ApiKey['grants'] {
  const tenant = tenantName.safeParse(claim(payload, tenantClaim)).data ?? DEFAULT_TENANT;
  const roles = claim(payload, rolesClaim);
  const items = Array.isArray(roles) ? roles : typeof roles === 'string' ? roles.split(' ') : [];
  return items.slice(0, MAX_GRANTS).flatMap((item): Grant[] => {
    const spelt = typeof item === 'string' ? { role: role.safeParse(item).data, tenant } : item;
    const parsed = grant.safeParse(spelt);
    return parsed.success ? [parsed.data] : [];
  });
}

function claim(payload: JWTPayload, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined), payload);
}
