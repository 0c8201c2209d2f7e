/** Parses the environment, once, into one frozen typed object; every fault is collected before anything is refused. */
import type { z } from 'zod';
import { ConfigError, type ConfigFault } from './config-error.ts';
import { isServiceLink, SERVICE_LINK_FAULT } from './service-links.ts';
import { type ServiceKind, type Setting, type Settings, settings } from './settings.ts';
import { closestName } from './spelling.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting without a default may be undefined. */
type Value<K extends keyof Settings> = Settings[K]['default'] extends undefined
  ? z.output<Settings[K]['schema']> | undefined
  : z.output<Settings[K]['schema']>;

/** Settings whose absence is settled by what else is set. */
type DecidedLater = 'redisUrls' | 'kafkaBrokers' | 'httpBind';

type Values = { readonly [K in Exclude<keyof Settings, DecidedLater>]: Value<K> };

/** The configuration of one process. The settings' meanings: {@link settingsTable}. */
export interface Config extends Values {
  readonly kind: ServiceKind;
  /** Empty only in standalone: the embedded store. */
  readonly redisUrls: readonly string[];
  /** Empty only in standalone: embedded events. */
  readonly kafkaBrokers: readonly string[];
  /** Address of the HTTP port. */
  readonly httpBind: string;
  /** What is allowed but weaker than an operator may expect; to be logged at start. */
  readonly warnings: readonly string[];
}

const OWN_PREFIX = 'LWM2M_';
const byName = new Map<string, Setting>(Object.values(settings).map((setting) => [setting.name, setting]));

/**
 * Reads the configuration of a process from its environment. An empty variable counts as unset. Names that begin with
 * `LWM2M_` must be known; others (`OTEL_*`, the shell's) pass.
 * Throws {@link ConfigError} with every fault.
 */
export function loadConfig(env: Environment, { kind }: { readonly kind: ServiceKind }): Config {
  const faults = [...unknownNames(env)];
  const parsed: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries<Setting>(settings)) {
    const text = env[setting.name] || defaultOf(setting, kind);
    if (text === undefined) continue;
    const result = setting.schema.safeParse(text);
    if (result.success) parsed[key] = result.data;
    else faults.push({ name: setting.name, message: messageOf(env, setting, result.error) });
  }
  faults.push(...missing(env, kind), ...withoutSource(env), ...twoStorages(env));
  if (faults.length > 0) throw new ConfigError(faults);
  return complete(parsed as unknown as Values & Partial<Config>, kind);
}

function defaultOf(setting: Setting, kind: ServiceKind): string | undefined {
  return typeof setting.default === 'object' ? setting.default[kind] : setting.default;
}

function* unknownNames(env: Environment): Generator<ConfigFault> {
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(OWN_PREFIX) || byName.has(name) || value === undefined) continue;
    if (isServiceLink(name, value)) yield { name, message: SERVICE_LINK_FAULT };
    else yield { name, message: `unknown setting${hint(name)}` };
  }
}

function hint(name: string): string {
  const close = closestName(name, [...byName.keys()]);
  return close === undefined ? '' : `; is ${close} meant?`;
}

function messageOf(env: Environment, { name }: Setting, error: z.ZodError): string {
  // A Service named lwm2m-http injects LWM2M_HTTP_PORT=tcp://…: a name of ours with a value that is not.
  if (isServiceLink('', env[name] ?? '')) return SERVICE_LINK_FAULT;
  return error.issues.map((issue) => issue.message).join('; ');
}

function missing(env: Environment, kind: ServiceKind): ConfigFault[] {
  if (kind === 'standalone') return [];
  return [...(kind === 'topics' ? [] : [settings.redisUrls.name]), settings.kafkaBrokers.name]
    .filter((name) => !env[name])
    .map((name) => ({ name, message: `must be set for ${kind}` }));
}

/** Identities of the network are compared with nothing where nobody tells them. */
function withoutSource(env: Environment): ConfigFault[] {
  const { networkIdentity, networkIdentityFile } = settings;
  const asked = env[networkIdentity.name] ?? networkIdentity.default;
  if (asked === networkIdentity.default || env[networkIdentityFile.name]) return [];
  return [{ name: networkIdentityFile.name, message: `must be set for ${networkIdentity.name}=${asked === 'known' || asked === 'required' ? asked : '…'}` }];
}

function twoStorages(env: Environment): ConfigFault[] {
  const { firmwareDir, firmwareS3Bucket } = settings;
  if (!env[firmwareDir.name] || !env[firmwareS3Bucket.name]) return [];
  return [{ name: firmwareS3Bucket.name, message: `packages are in one place: not with ${firmwareDir.name}` }];
}

function complete(values: Values & Partial<Config>, kind: ServiceKind): Config {
  const open = values.apiKeysFile === undefined && values.oidcIssuer === undefined;
  const httpBind = values.httpBind ?? (open ? '127.0.0.1' : '0.0.0.0');
  return Object.freeze({
    ...values,
    kind,
    httpBind,
    redisUrls: values.redisUrls ?? Object.freeze([]),
    kafkaBrokers: values.kafkaBrokers ?? Object.freeze([]),
    warnings: Object.freeze([...weaknesses({ ...values, kind, httpBind, open })]),
  });
}

type Weak = Pick<Values, 'kafkaSasl' | 'kafkaTls' | 'noSec' | 'shortPsk' | 'sharedPsk' | 'oidcIssuer'> & { httpBind: string; kind: ServiceKind; open: boolean };

function weaknesses(of: Weak): string[] {
  const found: string[] = [];
  const local = of.httpBind.startsWith('127.') || of.httpBind === '::1';
  if (of.open && !local && of.kind !== 'edge') {
    found.push('REST is reachable from other hosts and asks nobody who they are (LWM2M_HTTP_BIND)');
  }
  if (of.oidcIssuer?.startsWith('http:')) found.push('the keys of the OpenID provider are fetched in the clear (LWM2M_OIDC_ISSUER)');
  if (of.noSec && of.kind === 'edge') found.push('devices without security may register (LWM2M_NOSEC=on)');
  if (of.noSec && of.kind === 'bootstrap') found.push('devices without security are bootstrapped, and whatever keys they get go in the clear (LWM2M_NOSEC=on)');
  if (of.kafkaSasl !== 'off' && !of.kafkaTls) found.push('passwords and events go to Kafka in the clear (LWM2M_KAFKA_SASL without LWM2M_KAFKA_TLS)');
  if (of.shortPsk) found.push('PSKs of less than 16 bytes may be set (LWM2M_SHORT_PSK=on)');
  if (of.sharedPsk) found.push('several devices may have one PSK (LWM2M_SHARED_PSK=on)');
  return found;
}
