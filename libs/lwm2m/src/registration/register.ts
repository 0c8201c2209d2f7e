/**
 * Register and Update requests of LwM2M 1.0, 1.1 and 1.2: queries and payload in, a registration (or what changes of it)
 * out. Decides nothing about who may register. OMA LwM2M Core 1.1 §6.2, Transport 1.1.1 §6.4.3.
 *
 * Pinned where the sources leave it open: 1.0 to 1.2 are served, every other version gets 4.12 · `lt` is 1 to 2^32−1 (0,
 * without end, from 1.2 clients), missing it is 86400 in 1.0 and 4.00 later · a payload in another format than link-format
 * gets 4.15, one without a format is taken as link-format · /1 and /3 are not demanded of the list · an empty list gets 4.00,
 * but 4.09 in 1.2 and where defaults stand for what the binding leaves out: the client then registers again with a list ·
 * what a profile id stands for is the caller's to know; an unknown one gets 4.09 where no list comes with it.
 */
import { Code } from '@cluster/coap';
import type { Lwm2mVersion } from '../model/core-versions.ts';
import { parseObjectList, uniteObjectLinks, type RegisteredLink, type ObjectList } from './object-links.ts';
import {
  fault, isFault, otherParameters, parseBinding, parseEndpoint, parseLifetime, parseLwm2mVersion, parseQueueMode,
  parseSmsNumber, splitQueries, type Parameters, type RegistrationFault, type RegistrationPolicy,
} from './parameters.ts';

/** What a client told by Register and its Updates. */
export interface Registration {
  readonly endpoint: string;
  /** 0: without end. */
  readonly lifetimeS: number;
  readonly lwm2mVersion: Lwm2mVersion;
  /** Letters of the transports, without Q. */
  readonly binding: string;
  readonly queueMode: boolean;
  readonly smsNumber?: string;
  /** Parameters that the enabler does not name, and `pid`. */
  readonly attributes: Record<string, string>;
  /** "/" or the alternate path, which goes before every path of device management and reporting. */
  readonly rootPath: string;
  readonly objectLinks: readonly RegisteredLink[];
  /** Announced content formats, the preferred first; empty: unknown. */
  readonly contentFormats: readonly number[];
}

export interface RegisterPolicy extends RegistrationPolicy {
  /** Values for what a client does not send over this binding, e.g. of LoRaWAN (Transport 1.1.1 §6.8.4). */
  readonly defaults?: Partial<Pick<Registration, 'lifetimeS' | 'lwm2mVersion' | 'binding' | 'queueMode' | 'objectLinks'>>;
  /** The object list that a profile id stands for (Core 1.2 §6.2.1); undefined: unknown. */
  readonly profile?: (profileId: string) => readonly RegisteredLink[] | undefined;
}

export type RegisterResult = { readonly ok: true; readonly registration: Registration } | RegistrationFault;
export type UpdateResult = { readonly ok: true; readonly changes: Partial<Registration> } | RegistrationFault;

const LINK_FORMAT = 40;
/** OMA LwM2M Core 1.0 §5.3.1 */
const DEFAULT_LIFETIME_S = 86_400;
const REGISTER_PARAMETERS = new Set(['ep', 'lt', 'lwm2m', 'b', 'Q', 'sms']);
const REGISTER_PARAMETERS_12 = new Set([...REGISTER_PARAMETERS, 'pid']);
const UPDATE_PARAMETERS = new Set(['lt', 'b', 'Q', 'sms']);

/** Parses POST /rd. */
export function parseRegister(
  queries: readonly string[],
  payload: Uint8Array,
  contentFormat: number | undefined,
  policy: RegisterPolicy,
): RegisterResult {
  const parameters = splitQueries(queries);
  if (isFault(parameters)) return parameters;
  // The version first: a client that is too new must learn it by 4.12, whatever else it sends.
  const version = registeredVersion(parameters, policy);
  if (isFault(version)) return version;
  const endpoint = parseEndpoint(parameters, policy.identity);
  if (isFault(endpoint)) return endpoint;
  const told = registerParameters(parameters, version.lwm2mVersion, policy);
  if (isFault(told)) return told;
  const list = objectList(payload, contentFormat);
  if (isFault(list)) return list;
  const links = registeredLinks(parameters, list, version.lwm2mVersion, policy);
  if (isFault(links)) return links;
  const { rootPath = '/', contentFormats = [] } = list;
  return { ok: true, registration: { ...endpoint, ...version, ...told, ...links, rootPath, contentFormats } };
}

/**
 * Parses an Update of `current`; changes hold only what the client sent. A list replaces the former one and leaves root
 * and content formats as they are where it names none. Q alone can't say "no longer", so a later version's `b` without Q
 * leaves queue mode on; in 1.0, where Q is part of `b`, it ends it. `ep` and `lwm2m` mean nothing here and are ignored
 * (refused with `unknownParameters: 'reject'`).
 */
export function parseUpdate(
  queries: readonly string[],
  payload: Uint8Array,
  contentFormat: number | undefined,
  policy: RegistrationPolicy,
  current: Registration,
): UpdateResult {
  const parameters = splitQueries(queries);
  if (isFault(parameters)) return parameters;
  const ignored = policy.unknownParameters === 'keep' ? REGISTER_PARAMETERS : UPDATE_PARAMETERS;
  const others = otherParameters(parameters, ignored, policy, current.attributes);
  if (isFault(others)) return others;
  const told = toldParameters(parameters, current.lwm2mVersion, policy);
  if (isFault(told)) return told;
  const list = payload.length === 0 ? {} : updatedList(payload, contentFormat, current);
  if (isFault(list)) return list;
  const extra = [...parameters.keys()].some((name) => !ignored.has(name));
  const { queueMode, ...changes } = told;
  return {
    ok: true,
    changes: {
      ...changes,
      ...(queueMode !== undefined && (queueMode || current.lwm2mVersion === '1.0') && { queueMode }),
      ...list,
      ...(extra && others),
    },
  };
}

function registeredVersion(parameters: Parameters, policy: RegisterPolicy) {
  // Core 1.0 has no lwm2m parameter at first; whoever leaves it out is a 1.0 client.
  if (!parameters.has('lwm2m')) return { lwm2mVersion: policy.defaults?.lwm2mVersion ?? '1.0' };
  return parseLwm2mVersion(parameters.get('lwm2m'));
}

type Told = Partial<Pick<Registration, 'lifetimeS' | 'binding' | 'queueMode' | 'smsNumber'>>;

/** What the parameters tell that Register and Update share. */
function toldParameters(parameters: Parameters, version: Lwm2mVersion, policy: RegistrationPolicy): Told | RegistrationFault {
  const zeroLifetime = policy.zeroLifetime ?? (version === '1.2' ? 'infinite' : 'reject');
  const lifetime = parameters.has('lt') ? parseLifetime(parameters.get('lt'), zeroLifetime) : {};
  if (isFault(lifetime)) return lifetime;
  const binding = parameters.has('b') ? parseBinding(parameters.get('b')) : {};
  if (isFault(binding)) return binding;
  const flag = parseQueueMode(parameters);
  if (isFault(flag)) return flag;
  const sms = parameters.has('sms') ? parseSmsNumber(parameters.get('sms')) : {};
  if (isFault(sms)) return sms;
  return { ...lifetime, ...binding, ...sms, ...(flag.queueMode && { queueMode: true }) };
}

function registerParameters(parameters: Parameters, version: Lwm2mVersion, policy: RegisterPolicy) {
  const told = toldParameters(parameters, version, policy);
  if (isFault(told)) return told;
  const lifetimeS = told.lifetimeS ?? policy.defaults?.lifetimeS ?? (version === '1.0' ? DEFAULT_LIFETIME_S : undefined);
  if (lifetimeS === undefined) return fault('LIFETIME_MISSING', 'lt is missing');
  const known = version === '1.2' ? REGISTER_PARAMETERS_12 : REGISTER_PARAMETERS;
  const others = otherParameters(parameters, known, policy);
  if (isFault(others)) return others;
  const pid = version === '1.2' ? parameters.get('pid') : undefined;
  return {
    binding: policy.defaults?.binding ?? 'U',
    queueMode: policy.defaults?.queueMode ?? false,
    ...told,
    lifetimeS,
    attributes: { ...others.attributes, ...(pid !== undefined && { pid }) },
  };
}

function objectList(payload: Uint8Array, contentFormat: number | undefined, root?: string): ObjectList | RegistrationFault {
  if (payload.length > 0 && contentFormat !== undefined && contentFormat !== LINK_FORMAT) {
    return fault('CONTENT_FORMAT_UNSUPPORTED', 'the object list is not link-format', Code.UNSUPPORTED_CONTENT_FORMAT);
  }
  const parsed = parseObjectList(payload, root);
  return parsed.ok ? parsed.list : fault('OBJECT_LIST_INVALID', parsed.detail);
}

function updatedList(payload: Uint8Array, contentFormat: number | undefined, current: Registration) {
  const list = objectList(payload, contentFormat, current.rootPath);
  if (isFault(list)) return list;
  if (list.objectLinks.length === 0) return fault('OBJECT_LIST_MISSING', 'the object list names no object');
  const { objectLinks, rootPath = current.rootPath, contentFormats = current.contentFormats } = list;
  return { objectLinks, rootPath, contentFormats };
}

/** The list of the payload, of the profile ids, or what is known from elsewhere: 1.2 unites them (Core 1.2 §6.2.1). */
function registeredLinks(parameters: Parameters, list: ObjectList, version: Lwm2mVersion, policy: RegisterPolicy) {
  const explicit = list.objectLinks;
  const ids = version === '1.2' ? profileIds(parameters.get('pid')) : [];
  const profiles = ids.map((id) => policy.profile?.(id));
  if (explicit.length === 0 && profiles.includes(undefined)) {
    return fault('PROFILE_UNKNOWN', 'a profile id is unknown: register with the object list', Code.CONFLICT);
  }
  // As it was read where nothing is added: devices of one kind share it.
  const objectLinks = profiles.length === 0 ? explicit : uniteObjectLinks([...explicit, ...profiles.flatMap((links) => links ?? [])]);
  if (objectLinks.length > 0) return { objectLinks };
  if (policy.defaults?.objectLinks) return { objectLinks: policy.defaults.objectLinks };
  // Transport 1.1.1 §6.8.4: 4.09 asks for a Register with the list.
  const code = version === '1.2' || policy.defaults ? Code.CONFLICT : Code.BAD_REQUEST;
  return fault('OBJECT_LIST_MISSING', 'the object list is empty', code);
}

/** `pid=6:1234abcd` or a list in quotes, separated by commas. */
function profileIds(told: string | undefined): string[] {
  return (told ?? '').replace(/^"(.*)"$/, '$1').split(',').map((id) => id.trim()).filter((id) => id !== '');
}
