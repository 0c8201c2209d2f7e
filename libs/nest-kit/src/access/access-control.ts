/** Decides on each request before its body is read: who asks, whether they may, and whose device it is about. */
import { type Access, accessOf, ALL_TENANTS, type RestRoute } from '@cluster/contracts';
import { ApiError, unavailable } from '../problem.ts';
import type { ApiKeys } from './api-keys.ts';
import { anybody, Caller } from './caller.ts';
import { ProviderUnavailable, TokenRefused, type Tokens } from './tokens.ts';

export interface AccessDeps {
  /** Undefined, and no tokens either: everybody may do everything. */
  readonly keys?: ApiKeys | undefined;
  readonly tokens?: Tokens | undefined;
  readonly routes: readonly RestRoute[];
  /** Whose an endpoint is; undefined: nobody's, since it is not known. */
  readonly tenantOf: (endpoint: string) => Promise<string | undefined>;
  /** Gives an endpoint that is nobody's to a tenant; returns whose it is then. */
  readonly adopt: (endpoint: string, tenant: string) => Promise<string>;
}

/** What of a request is looked at. `route` is its pattern, with `:name` for parameters. */
export interface AccessRequest {
  readonly method: string;
  readonly route: string;
  readonly endpoint?: string | undefined;
  readonly authorization?: string | undefined;
  readonly apiKey?: string | undefined;
}

interface Rule {
  readonly access: Access;
  readonly limited: boolean;
  readonly ofTenants: boolean;
}

/** What is on no list is for those who may do everything. */
const UNLISTED: Rule = { access: 'administer', limited: false, ofTenants: false };
const DOCUMENTS = ['/api/openapi.json', '/api/asyncapi.json'];
/** A token has three parts (RFC 7519 §3); keys have no dots. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export class AccessControl {
  readonly #deps: AccessDeps;
  readonly #rules: ReadonlyMap<string, Rule>;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
    this.#rules = new Map(deps.routes.map((route) => [`${route.method.toUpperCase()} ${route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`, ruleOf(route)]));
  }

  /** Resolves where the request may be made; rejects with what it ends with instead. `known` is told who the caller is, unless nobody is asked. */
  async admit(request: AccessRequest, known: (caller: Caller) => void): Promise<void> {
    const rule = this.#ruleOf(request);
    if (rule.access === 'open') return;
    const caller = await this.authenticate(request);
    known(caller);
    const tenants = caller.tenants(rule.access, rule);
    if (tenants !== ALL_TENANTS) await this.#judge(request, rule, tenants);
  }

  /** Who shows this key or token. */
  async authenticate({ authorization, apiKey }: Pick<AccessRequest, 'authorization' | 'apiKey'>): Promise<Caller> {
    const { keys, tokens } = this.#deps;
    if (keys === undefined && tokens === undefined) return anybody;
    const shown = apiKey ?? /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (shown === undefined) throw unauthenticated('The request has neither an API key nor a bearer token.');
    if (tokens !== undefined && TOKEN.test(shown)) return verified(tokens, shown);
    const found = keys?.find(shown, Date.now()) ?? 'unknown';
    if (found === 'expired') throw unauthenticated('The API key has expired.');
    if (found === 'unknown') throw unauthenticated('The API key is not known.');
    return found;
  }

  #ruleOf({ method, route }: AccessRequest): Rule {
    if (route.startsWith('/api/docs') || DOCUMENTS.includes(route)) return { access: 'open', limited: false, ofTenants: false };
    return this.#rules.get(`${method === 'HEAD' ? 'GET' : method} ${route}`) ?? UNLISTED;
  }

  /** A device of another tenant is as one that is not there. */
  async #judge({ endpoint, method }: AccessRequest, { access, ofTenants }: Rule, tenants: ReadonlySet<string>): Promise<void> {
    if (tenants.size === 0) throw denied(`It takes a grant to ${access}.`);
    if (endpoint === undefined && !ofTenants) throw denied(`It takes a grant to ${access} at every tenant.`);
    const tenant = endpoint === undefined ? undefined : await this.#tenantOf(endpoint, method, tenants);
    if (tenant !== undefined && !tenants.has(tenant)) throw new ApiError(404, 'ENDPOINT_UNKNOWN', 'The endpoint is not known', { detail: endpoint! });
  }

  /** What is written for an endpoint that is nobody's is written for one of the caller's tenant. */
  async #tenantOf(endpoint: string, method: string, [own]: ReadonlySet<string>): Promise<string | undefined> {
    const tenant = await this.#deps.tenantOf(endpoint);
    return tenant === undefined && method === 'PUT' && own !== undefined ? this.#deps.adopt(endpoint, own) : tenant;
  }
}

function ruleOf(route: RestRoute): Rule {
  const access = accessOf(route);
  const ofTenants = route.leavesOutTenants === true;
  return { access, limited: access === 'view' || route.judgesCommands === true, ofTenants };
}

function denied(detail: string): ApiError {
  return new ApiError(403, 'ACCESS_DENIED', 'The caller may not do this', { detail });
}

function unauthenticated(detail: string): ApiError {
  return new ApiError(401, 'UNAUTHENTICATED', 'The caller is not known', { detail });
}

async function verified(tokens: Tokens, token: string): Promise<Caller> {
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (error instanceof TokenRefused) throw unauthenticated(`${error.message}.`);
    throw error instanceof ProviderUnavailable ? unavailable(error.code, error) : error;
  }
}
