/** A configuration as it may be shown: ******** in the place of each secret. */
import type { BootstrapConfiguration, BootstrapDocument, BootstrapResource } from '@cluster/contracts';
import { parsePath } from '@cluster/lwm2m';
import { type Definitions, definitionOf } from './check-document.ts';
import { isSecretName } from './redacted.ts';

const HIDDEN = '********';
/** Fields of an account that hold a secret, wherever they stand in it. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['keyHex', 'privateKeyBase64', 'masterSecretHex', 'saltHex']);

type Shown = Record<string, unknown>;

export function withoutSecrets(document: BootstrapDocument | BootstrapConfiguration | undefined, model: Definitions): Shown {
  if (document === undefined) return {};
  const { accounts, objects, ...rest } = document;
  return {
    ...rest,
    accounts: accounts.map((account) => ({
      ...shownFields(account),
      ...(account.securityResources === undefined ? {} : { securityResources: shownResources(account.securityResources, 0, model) }),
      ...(account.serverResources === undefined ? {} : { serverResources: shownResources(account.serverResources, 1, model) }),
    })),
    ...(objects === undefined ? {} : { objects: objects.map((each) => ({ ...each, resources: shownResources(each.resources, parsePath(each.path)?.[0] ?? 0, model, each.version) })) }),
  };
}

function shownFields(value: object): Shown {
  return Object.fromEntries(Object.entries(value).map(([field, each]: [string, unknown]) => {
    if (SECRET_FIELDS.has(field)) return [field, HIDDEN];
    return [field, typeof each === 'object' && each !== null && !Array.isArray(each) ? shownFields(each) : each];
  }));
}

/** What the object model does not know may be secret as well. */
function shownResources(resources: readonly BootstrapResource[], object: number, model: Definitions, version?: string): BootstrapResource[] {
  const definition = definitionOf(model, object, version);
  return resources.map((each) => (isSecretName(definition?.resources.get(each.id)?.name) ? { ...each, value: HIDDEN } : each));
}
