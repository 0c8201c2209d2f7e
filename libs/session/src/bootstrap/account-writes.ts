/** The object instances that a bootstrap document means, once it is known what goes into its accounts. Pure. */
import type { BootstrapAccount, BootstrapDocument, BootstrapResource, ValueType } from '@cluster/contracts';
import { type Lwm2mVersion, parsePath, type Value } from '@cluster/lwm2m';
import type { Provision, ProvisionedInstance, ProvisionedResource } from './bootstrap-desk.ts';
import { type Definitions, definitionOf } from './check-document.ts';
import { typedResource } from './resource-rules.ts';

/** What goes to /0/x/3, /0/x/4 and /0/x/5; empty where the mode has none. */
export interface SecurityMaterial {
  readonly publicKeyOrIdentity: Uint8Array;
  readonly serverPublicKey: Uint8Array;
  readonly secretKey: Uint8Array;
  readonly oscore?: OscoreMaterial | undefined;
}

/** As the server names the ids: the device has them the other way round. */
export interface OscoreMaterial {
  readonly masterSecret: Uint8Array;
  readonly salt: Uint8Array;
  readonly senderId: Uint8Array;
  readonly recipientId: Uint8Array;
}

/** OMA LwM2M registry, object 0, resource 2. Row B15 */
const MODES = { psk: 0, rpk: 1, x509: 2, nosec: 3, est: 4 } as const;
const [SECURITY, SERVER, ACCESS_CONTROL, OSCORE] = [0, 1, 2, 21];
const DEFAULT_LIFETIME_S = 86_400;

interface Placed {
  readonly account: BootstrapAccount;
  readonly material: SecurityMaterial;
  readonly securityInstance: number;
  readonly serverInstance: number;
  readonly oscoreInstance: number;
}

/** All instances, in the order in which they are written. `materials`: of each account, in their order. */
export function writesOf(document: BootstrapDocument, materials: readonly SecurityMaterial[], model: Definitions, version: Lwm2mVersion): ProvisionedInstance[] {
  const placed = place(document.accounts, materials);
  return [
    ...placed.map((each) => securityInstance(each, model, version)),
    ...placed.filter(({ account }) => account.role === 'management').map((each) => serverInstance(each, model, version)),
    ...placed.flatMap(oscoreInstance),
    ...(document.accessControl ?? []).map(accessInstance),
    ...(document.objects ?? []).map(({ path, resources, version: told }) => ({ path, resources: typed(resources, parsePath(path)?.[0] ?? 0, model, told) })),
  ];
}

/** What is deleted where the document does not say. */
export function deletesOf({ delete: told, accounts, accessControl }: BootstrapDocument): Provision['deletes'] {
  if (told !== undefined) return told;
  return ['/0', '/1', ...(accessControl === undefined ? [] : ['/2']), ...(accounts.some(({ oscore }) => oscore !== undefined) ? ['/21'] : [])];
}

/** The bootstrap account is /0/0 unless the device shows another; management accounts follow. */
function place(accounts: readonly BootstrapAccount[], materials: readonly SecurityMaterial[]): Placed[] {
  const security = new Set(accounts.map((account) => account.securityInstance).filter((each) => each !== undefined));
  const server = new Set(accounts.map((account) => account.serverInstance).filter((each) => each !== undefined));
  return accounts.map((account, i) => {
    const first = account.role === 'bootstrap' ? 0 : 1;
    const securityInstance = account.securityInstance ?? free(security, first);
    const serverInstance = account.serverInstance ?? (account.role === 'bootstrap' ? 0 : free(server, 0));
    return { account, material: materials[i]!, securityInstance, serverInstance, oscoreInstance: account.oscore?.instance ?? securityInstance };
  });
}

function free(used: Set<number>, first: number): number {
  let id = first;
  while (used.has(id)) id += 1;
  used.add(id);
  return id;
}

function securityInstance(placed: Placed, model: Definitions, version: Lwm2mVersion): ProvisionedInstance {
  const { account, material, oscoreInstance: context } = placed;
  const { security, role, uri, shortServerId, oscore } = account;
  const from11: ProvisionedResource[] = [
    ...('sni' in security && security.sni !== undefined ? [resource(14, 'string', security.sni)] : []),
    ...('usage' in security && security.usage !== undefined ? [resource(15, 'unsigned', security.usage)] : []),
    ...(oscore === undefined ? [] : [resource(17, 'objlnk', { object: OSCORE, instance: context })]),
  ];
  return {
    path: `/${SECURITY}/${placed.securityInstance}`,
    resources: [
      resource(0, 'string', uri),
      resource(1, 'boolean', role === 'bootstrap'),
      resource(2, 'integer', MODES[security.mode]),
      // Mandatory, also where the mode has none.
      resource(3, 'opaque', material.publicKeyOrIdentity),
      resource(4, 'opaque', material.serverPublicKey),
      resource(5, 'opaque', material.secretKey),
      ...(shortServerId === undefined ? [] : [resource(10, 'integer', shortServerId)]),
      ...(version === '1.0' ? [] : from11),
      ...typed(account.securityResources ?? [], SECURITY, model),
    ],
  };
}

function serverInstance({ account, serverInstance: instance }: Placed, model: Definitions, version: Lwm2mVersion): ProvisionedInstance {
  const { shortServerId = 1, lifetimeS = DEFAULT_LIFETIME_S, storeNotifications = true, binding = 'U', muteSend = false } = account;
  return {
    path: `/${SERVER}/${instance}`,
    resources: [
      resource(0, 'integer', shortServerId),
      resource(1, 'integer', lifetimeS),
      resource(6, 'boolean', storeNotifications),
      resource(7, 'string', binding),
      // A client that has no value here does not send. OMA LwM2M registry, object 1, resource 23
      ...(version === '1.0' ? [] : [resource(23, 'boolean', muteSend)]),
      ...typed(account.serverResources ?? [], SERVER, model),
    ],
  };
}

/** Version 2.0 of the object, whose ids and secrets are bytes. */
function oscoreInstance({ account: { oscore }, material, oscoreInstance: instance }: Placed): ProvisionedInstance[] {
  if (oscore === undefined || material.oscore === undefined) return [];
  const { masterSecret, salt, senderId, recipientId } = material.oscore;
  return [{
    path: `/${OSCORE}/${instance}`,
    resources: [
      resource(0, 'opaque', masterSecret),
      resource(1, 'opaque', recipientId),
      resource(2, 'opaque', senderId),
      ...(oscore.aead === undefined ? [] : [resource(3, 'integer', oscore.aead)]),
      ...(oscore.hmac === undefined ? [] : [resource(4, 'integer', oscore.hmac)]),
      ...(salt.length === 0 ? [] : [resource(5, 'opaque', salt)]),
    ],
  }];
}

function accessInstance(right: NonNullable<BootstrapDocument['accessControl']>[number], i: number): ProvisionedInstance {
  const acl = Object.entries(right.acl ?? {}).map(([server, rights]) => ({ ...resource(2, 'integer', rights), instance: Number(server) }));
  return {
    path: `/${ACCESS_CONTROL}/${right.accessInstance ?? i}`,
    resources: [resource(0, 'integer', right.object), resource(1, 'integer', right.instance), ...acl, resource(3, 'integer', right.owner)],
  };
}

function resource(id: number, type: ValueType, value: Value): ProvisionedResource {
  return { id, type, value };
}

/** Of a document that was checked. */
function typed(given: readonly BootstrapResource[], object: number, model: Definitions, version?: string): ProvisionedResource[] {
  const definition = definitionOf(model, object, version);
  return given.map((each) => typedResource(each, definition)).filter((each): each is ProvisionedResource => typeof each !== 'string');
}
