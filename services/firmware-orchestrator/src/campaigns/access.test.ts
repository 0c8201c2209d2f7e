/** Who may do what with campaigns: each role at its own tenant, at another one, and over all of them. */
import { createHash, randomBytes } from 'node:crypto';
import { accessOf, accessOfRole, firmwareRoutes, type Grant, role, type Role } from '@cluster/contracts';
import { ApiKeys } from '@cluster/nest-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOf } from '../testing/bench.ts';
import { CampaignBench } from '../testing/campaign-bench.ts';

const CAMPAIGNS = '/api/v1/firmware/campaigns';
const keys: { name: string; sha256: string; grants: Grant[] }[] = [];

function keyFor(name: string, grants: Grant[]): string {
  const key = randomBytes(24).toString('base64url');
  keys.push({ name, sha256: createHash('sha256').update(key).digest('hex'), grants });
  return key;
}

const byRole = Object.fromEntries(role.options.map((name) => [name, keyFor(name, [{ role: name, tenant: 'acme' }])])) as Record<Role, string>;
const everywhere = keyFor('everywhere', [{ role: 'admin', tenant: '*' }]);
const rival = keyFor('rival', [{ role: 'admin', tenant: 'rival' }]);
const FOREVER = { notBefore: '2999-01-01T00:00:00Z' };

let bench: CampaignBench;
let wanted: string;
let own: string;
let common: string;
beforeAll(async () => {
  bench = await CampaignBench.open();
  await bench.start();
  wanted = await bench.package(bytesOf(2_000));
  await bench.halt();
  await bench.devices('own', 2, () => ({ tenant: 'acme' }));
  await bench.devices('other', 3, () => ({ tenant: 'rival' }));
  await bench.start({}, { keys: new ApiKeys(keys) });
  own = await begin(byRole.operator);
  common = await begin(everywhere, { target: { endpointPattern: 'other-*' } });
}, 30_000);
afterAll(() => bench.close());

async function begin(key: string, more: object = {}): Promise<string> {
  const { status, body } = await bench.call('POST', CAMPAIGNS, { package: wanted, target: { endpointPattern: '*' }, ...FOREVER, ...more }, key);
  expect({ status, body }).toMatchObject({ status: 202 });
  return String(body['id']);
}

const asked = firmwareRoutes.filter(({ path }) => path.startsWith(CAMPAIGNS)).map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const);

describe.each(asked)('%s', (_name, route) => {
  const path = route.path.replace('{id}', 'nobody');
  const method = route.method.toUpperCase();

  test('asks who the caller is', async () => {
    expect(await bench.call(method, path)).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
  });

  test.each(role.options)('lets a %s in if the role is for it', async (name) => {
    const { body } = await bench.call(method, path, method === 'POST' && !path.includes('nobody') ? {} : undefined, byRole[name]);
    expect(body['code'] === 'ACCESS_DENIED').toBe(!accessOfRole[name].includes(accessOf(route)));
  });
});

test('a campaign of one tenant has the devices of that tenant alone', async () => {
  const view = async (id: string, key: string) => {
    for (;;) {
      const { body } = await bench.call('GET', `${CAMPAIGNS}/${id}`, undefined, key);
      if (body['selecting'] === false) return body;
    }
  };
  expect(await view(own, byRole.viewer)).toMatchObject({ tenant: 'acme', counts: { targets: 2 } });
  expect(await view(common, everywhere)).toMatchObject({ counts: { targets: 3 } });
});

test.each([['GET', ''], ['GET', '/devices'], ['POST', '/pause'], ['POST', '/resume'], ['POST', '/approve'], ['POST', '/abort']])('%s %s of another tenant\'s campaign, or of one over all, is as of one that is not there', async (method, path) => {
  expect(await bench.call(method, `${CAMPAIGNS}/${own}${path}`, undefined, rival)).toMatchObject({ status: 404, body: { code: 'CAMPAIGN_UNKNOWN' } });
  expect(await bench.call(method, `${CAMPAIGNS}/${common}${path}`, undefined, byRole.admin)).toMatchObject({ status: 404, body: { code: 'CAMPAIGN_UNKNOWN' } });
});

test('lists leave out what is not for the caller', async () => {
  const ids = async (key: string) => ((await bench.call('GET', CAMPAIGNS, undefined, key)).body['campaigns'] as { id: string }[]).map(({ id }) => id).toSorted();
  expect(await ids(byRole.viewer)).toEqual([own]);
  expect(await ids(rival)).toEqual([]);
  expect(await ids(everywhere)).toEqual([own, common].toSorted());
});

test('an operator of the tenant may do what a viewer of it may not', async () => {
  expect(await bench.call('POST', `${CAMPAIGNS}/${own}/pause`, undefined, byRole.viewer)).toMatchObject({ status: 403, body: { code: 'ACCESS_DENIED' } });
  expect(await bench.call('POST', `${CAMPAIGNS}/${own}/abort`, undefined, byRole.operator)).toMatchObject({ status: 200 });
});
