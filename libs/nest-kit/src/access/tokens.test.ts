/** Tokens of a real OpenID provider, and of those that are none: whose they are, what they grant, why they are refused. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Tokens } from './tokens.ts';

const AUDIENCE = 'urn:lwm2m';
const keys = await generateKeyPair('ES256', { extractable: true });
const strangers = await generateKeyPair('ES256');
let server: Server;
let issuer: string;
let tokens: Tokens;

/** A provider whose one client gets tokens for the server by its client secret (RFC 6749 §4.4), with its roles in them. */
async function startProvider(): Promise<void> {
  server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(keys.privateKey)), kid: 'k', use: 'sig', alg: 'ES256' }] },
    clients: [{ client_id: 'erp', client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [], id_token_signed_response_alg: 'ES256' }],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({ scope: '', audience: AUDIENCE, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: 'ES256' } } }),
      },
    },
    extraTokenClaims: () => ({ roles: ['viewer', 'something-else', { role: 'operator', tenant: 'acme', operations: ['read'] }], tenant: 'umbrella' }),
  });
  const handle = provider.callback();
}

beforeAll(async () => {
  await startProvider();
  tokens = new Tokens({ issuer, audience: AUDIENCE, rolesClaim: 'roles', tenantClaim: 'tenant' });
});
afterAll(() => server.close());

const claims = (): JWTPayload => ({ iss: issuer, aud: AUDIENCE, sub: 'me', exp: Math.floor(Date.now() / 1_000) + 60, roles: ['admin'] });
type Claims = { [K in keyof JWTPayload]: JWTPayload[K] | undefined };
const sign = (payload: Claims, key = keys.privateKey) => new SignJWT(payload as JWTPayload).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(key);

test("a provider's token tells who the caller is and what is granted", async () => {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('erp:secret')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: AUDIENCE }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  const caller = await tokens.verify(token);
  expect(caller.name).toBe('token:erp');
  expect(caller.grants).toEqual([{ role: 'viewer', tenant: 'umbrella' }, { role: 'operator', tenant: 'acme', operations: ['read'] }]);
});

describe('a token is refused', () => {
  test.each<[name: string, change: Claims, message: string]>([
    ['that has expired', { exp: 1_700_000_000 }, 'expired'],
    ['that never expires', { exp: undefined }, 'exp'],
    ['for another audience', { aud: 'urn:other' }, 'aud'],
    ['without an audience', { aud: undefined }, 'aud'],
    ['of another issuer', { iss: 'http://127.0.0.1:1' }, 'iss'],
    ['that does not hold yet', { nbf: 4_000_000_000 }, 'nbf'],
    ['of nobody', { sub: undefined }, 'sub'],
  ])('%s', async (_name, change, message) => {
    await expect(tokens.verify(await sign({ ...claims(), ...change }))).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining(message) });
  });

  test('with the signature of somebody else', async () => {
    await expect(tokens.verify(await sign(claims(), strangers.privateKey))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('without a signature, or with one by a shared secret', async () => {
    const body = Buffer.from(JSON.stringify(claims())).toString('base64url');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    const shared = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', kid: 'k' }).sign(new Uint8Array(32));
    for (const token of [none, shared, 'a.b.c']) await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('claims of other shapes', () => {
  const granted = async (payload: Claims, rolesClaim = 'roles') =>
    (await new Tokens({ issuer, audience: AUDIENCE, rolesClaim, tenantClaim: 'org.tenant' }).verify(await sign({ ...claims(), ...payload }))).grants;

  test.each<[name: string, payload: Claims, claim: string, grants: object[]]>([
    ['roles as words', { roles: 'viewer operator' }, 'roles', [{ role: 'viewer', tenant: 'default' }, { role: 'operator', tenant: 'default' }]],
    ['roles below another claim', { realm_access: { roles: ['admin'] } }, 'realm_access.roles', [{ role: 'admin', tenant: 'default' }]],
    ['a tenant below another claim', { org: { tenant: 'acme' } }, 'roles', [{ role: 'admin', tenant: 'acme' }]],
    ['no roles', { roles: undefined }, 'roles', []],
    ['roles that are none', { roles: [1, null, {}, ['admin'], { role: 'admin', tenant: 'no tenant' }] }, 'roles', []],
  ])('%s', async (_name, payload, claim, grants) => {
    expect(await granted(payload, claim)).toEqual(grants);
  });
});

test('a provider that is away is asked again', async () => {
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  const away = new Tokens({ issuer: `http://127.0.0.1:${port}`, audience: AUDIENCE, rolesClaim: 'roles', tenantClaim: 'tenant' });
  await expect(away.verify(await sign(claims()))).rejects.toMatchObject({ code: 'IDENTITY_PROVIDER_UNAVAILABLE' });
});
