/** Everything that is wrong with a bootstrap document beyond its shape, so that no device meets it. */
import type { BootstrapAccount, BootstrapDocument, BootstrapResource } from '@cluster/contracts';
import { defaultObjectVersion, type ObjectDefinition, type ObjectModel, parsePath } from '@cluster/lwm2m';
import { checkKeys } from './check-keys.ts';
import { type DocumentFault, missingResources, typedResource } from './resource-rules.ts';

export type Definitions = Pick<ObjectModel, 'definition'>;

/** Resources that the account itself sets. */
const OF_SECURITY: readonly number[] = [0, 1, 2, 3, 4, 5, 10, 14, 15, 17];
const OF_SERVER: readonly number[] = [0, 1, 6, 7, 23];
/** Objects that have their own part of the document. */
const APART: Readonly<Record<number, string>> = { 0: 'accounts', 1: 'accounts', 2: 'accessControl', 21: 'accounts' };
const NEWEST = '1.2';

export function checkDocument(document: BootstrapDocument, model: Definitions): DocumentFault[] {
  const { accounts, accessControl = [] } = document;
  return [
    ...accounts.flatMap((account, i) => checkAccount(account, `accounts.${i}`, model)),
    ...checkTogether(accounts),
    ...checkTwice(accessControl.map((right) => `${right.object}/${right.instance}`), 'accessControl'),
    ...checkOwners(document),
    ...checkObjects(document, model),
    ...checkPaths('delete', Array.isArray(document.delete) ? document.delete : []),
    ...checkPaths('keep', document.keep ?? []),
    ...checkPaths('readBack', document.readBack ?? []),
  ];
}

function checkAccount(account: BootstrapAccount, at: string, model: Definitions): DocumentFault[] {
  const { role, security, uri, elsewhere, oscore } = account;
  const faults: DocumentFault[] = [];
  const fault = (field: string, message: string) => void faults.push({ path: `${at}.${field}`, message });
  const secure = uri.startsWith('coaps');
  if (secure === (security.mode === 'nosec')) fault('uri', secure ? 'coaps needs a security mode other than nosec' : `${security.mode} needs coaps`);
  if (elsewhere === true && 'from' in security && typeof security.from === 'string') fault('security.from', 'credentials of a server elsewhere are to be given in the document');
  if (elsewhere === true && typeof oscore?.from === 'string') fault('oscore.from', 'credentials of a server elsewhere are to be given in the document');
  if (role === 'bootstrap' && security.mode === 'est') fault('security.mode', 'a bootstrap account has no certificate by EST');
  if (elsewhere === true && security.mode === 'est') fault('security.mode', 'EST is served by this cluster');
  faults.push(...checkKeys(account, at));
  if (role === 'management' && account.shortServerId === undefined) fault('shortServerId', 'a management account needs it');
  if (role === 'bootstrap') {
    for (const field of ['shortServerId', 'lifetimeS', 'binding', 'storeNotifications', 'muteSend', 'serverInstance', 'serverResources'] as const) {
      if (account[field] !== undefined) fault(field, 'a bootstrap account has no Server object instance');
    }
  }
  faults.push(...checkResources(account.securityResources ?? [], 0, OF_SECURITY, `${at}.securityResources`, model));
  faults.push(...checkResources(account.serverResources ?? [], 1, OF_SERVER, `${at}.serverResources`, model));
  return faults;
}

function checkTogether(accounts: readonly BootstrapAccount[]): DocumentFault[] {
  const faults: DocumentFault[] = [];
  if (accounts.filter(({ role }) => role === 'bootstrap').length > 1) faults.push({ path: 'accounts', message: 'a client has one bootstrap account' });
  for (const field of ['shortServerId', 'securityInstance', 'serverInstance'] as const) {
    faults.push(...checkTwice(accounts.map((account) => account[field]), 'accounts', `.${field}`));
  }
  faults.push(...checkSources(accounts));
  return faults;
}

/** The store holds one credential of a kind for a role, which all accounts here share. */
function checkSources(accounts: readonly BootstrapAccount[]): DocumentFault[] {
  const here = accounts.map((account, i) => ({ account, i })).filter(({ account }) => account.elsewhere !== true);
  return here.flatMap(({ account: { role, security, oscore }, i }) => {
    const first = here.find(({ account }) => account.role === role && account.security.mode === security.mode)?.account.security;
    const context = here.find(({ account }) => account.role === role && account.oscore !== undefined)?.account.oscore;
    // What enrols replaces what DTLS was done with before.
    const beside = security.mode === 'est' && here.some(({ account }) => account.role === role && account.security.mode !== 'est' && account.security.mode !== 'nosec');
    const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
    const source = (of: BootstrapAccount['security'] | undefined) => (of !== undefined && 'from' in of ? of.from : undefined);
    return [
      ...(beside ? [{ path: `accounts.${i}.security.mode`, message: 'EST and another mode can not stand side by side at this cluster' }] : []),
      ...(differs(source(security), source(first)) ? [{ path: `accounts.${i}.security.from`, message: `accounts of one role at this cluster share their ${security.mode} credential` }] : []),
      ...(oscore !== undefined && differs(oscore.from, context?.from) ? [{ path: `accounts.${i}.oscore.from`, message: 'accounts of one role at this cluster share their OSCORE context' }] : []),
    ];
  });
}

function checkTwice(values: readonly unknown[], at: string, field = ''): DocumentFault[] {
  return values.flatMap((value, i) =>
    value !== undefined && values.indexOf(value) < i ? [{ path: `${at}.${i}${field}`, message: 'occurs twice' }] : [],
  );
}

/** OMA LwM2M Core 1.1 appendix E.3: owners and those who are named are servers that the client has. */
function checkOwners({ accounts, accessControl = [] }: BootstrapDocument): DocumentFault[] {
  const known = new Set<number | undefined>(accounts.map(({ shortServerId }) => shortServerId));
  return accessControl.flatMap(({ owner, acl = {} }, i) => [
    ...(owner === 65_535 || known.has(owner) ? [] : [{ path: `accessControl.${i}.owner`, message: 'is no short server id of this document' }]),
    ...Object.keys(acl).filter((id) => id !== '0' && !known.has(Number(id)))
      .map((id) => ({ path: `accessControl.${i}.acl.${id}`, message: 'is no short server id of this document' })),
  ]);
}

function checkObjects({ objects = [] }: BootstrapDocument, model: Definitions): DocumentFault[] {
  return [
    ...checkTwice(objects.map(({ path }) => path), 'objects', '.path'),
    ...objects.flatMap(({ path, resources, version }, i) => {
      const [object = -1] = parsePath(path) ?? [];
      if (APART[object] !== undefined) return [{ path: `objects.${i}.path`, message: `object ${object} is written by what stands in ${APART[object]}` }];
      const definition = definitionOf(model, object, version);
      const missing = definition === undefined ? [] : missingResources(definition, resources);
      return [
        ...checkPaths(`objects.${i}`, [path]),
        ...checkResources(resources, object, [], `objects.${i}.resources`, model, version),
        ...missing.map(({ id, name }) => ({ path: `objects.${i}.resources`, message: `lacks ${name} (${id}), which is mandatory` })),
      ];
    }),
  ];
}

export function definitionOf(model: Definitions, object: number, version?: string): ObjectDefinition | undefined {
  return model.definition(object, version ?? defaultObjectVersion(object, NEWEST));
}

function checkResources(
  given: readonly BootstrapResource[], object: number, apart: readonly number[], at: string, model: Definitions, version?: string,
): DocumentFault[] {
  const definition = definitionOf(model, object, version);
  const names = given.map(({ id, instance }) => `${id}/${instance ?? ''}`);
  return [
    ...checkTwice(names, at),
    ...given.flatMap((resource, i) => {
      if (apart.includes(resource.id)) return [{ path: `${at}.${i}.id`, message: 'is set by a field of the account' }];
      const typed = typedResource(resource, definition);
      return typeof typed === 'string' ? [{ path: `${at}.${i}`, message: typed }] : [];
    }),
  ];
}

function checkPaths(field: string, paths: readonly string[]): DocumentFault[] {
  return paths.flatMap((path, i) => (parsePath(path) === undefined ? [{ path: `${field}.${i}`, message: 'not a path: ids are 0..65534' }] : []));
}
