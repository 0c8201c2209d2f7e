/** How a process shows Redis and Kafka who it is, and how it knows them: certificates, keys and passwords from files. */
import { readFileSync } from 'node:fs';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { ConfigError, type ConfigFault } from './config-error.ts';
import type { Config } from './load-config.ts';
import { type Setting, settings } from './settings.ts';

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

/** For `@cluster/events-kafka`. What is a function reads its file anew. */
export interface KafkaSecuritySettings {
  readonly tls?: () => ConnectionOptions;
  readonly sasl?:
    | { readonly mechanism: Mechanism; readonly username: string; readonly password: () => string }
    | { readonly mechanism: 'oauthbearer'; readonly token: () => string };
}

/** For `@cluster/store-redis`. */
export interface RedisSecuritySettings {
  readonly username?: string;
  readonly password?: string;
  /** Asked for each connection over `rediss://`. */
  readonly tls?: () => ConnectionOptions;
}

type BrokerConfig = Pick<Config,
  | 'kafkaTls' | 'kafkaCaFile' | 'kafkaCertificateFile' | 'kafkaKeyFile' | 'kafkaSasl' | 'kafkaUsername' | 'kafkaPasswordFile' | 'kafkaTokenFile'
  | 'redisUrls' | 'redisUsername' | 'redisPasswordFile' | 'redisCaFile' | 'redisCertificateFile' | 'redisKeyFile' | 'redisServerName'>;

/** A setting that names a file. */
type Named = readonly [setting: Setting, path: string | undefined];

/**
 * Checks the settings against each other and reads the files once.
 * @throws {ConfigError} with every fault
 */
export function kafkaSecurity(config: BrokerConfig): KafkaSecuritySettings {
  const { kafkaSasl: mechanism, kafkaUsername: username } = config;
  const faults = [
    ...(config.kafkaTls ? [] : unused([settings.kafkaCaFile, config.kafkaCaFile], [settings.kafkaCertificateFile, config.kafkaCertificateFile])),
    ...together([settings.kafkaCertificateFile, config.kafkaCertificateFile], [settings.kafkaKeyFile, config.kafkaKeyFile]),
    ...neededFor(mechanism, config),
  ];
  const files = { ca: config.kafkaCaFile, cert: config.kafkaCertificateFile, key: config.kafkaKeyFile };
  const tls = config.kafkaTls ? () => material(files) : undefined;
  check(faults, [
    [settings.kafkaTls, tls], [settings.kafkaPasswordFile, config.kafkaPasswordFile && (() => secretOf(config.kafkaPasswordFile!))],
    [settings.kafkaTokenFile, config.kafkaTokenFile && (() => secretOf(config.kafkaTokenFile!))],
  ]);
  return { ...(tls === undefined ? {} : { tls }), ...saslOf(mechanism, username, config) };
}

/**
 * The same for Redis, whose addresses say whether it is reached over TLS.
 * @throws {ConfigError} with every fault
 */
export function redisSecurity(config: BrokerConfig): RedisSecuritySettings {
  const encrypted = config.redisUrls.some((url) => url.startsWith('rediss:'));
  const faults = [
    ...(encrypted ? [] : unused([settings.redisCaFile, config.redisCaFile], [settings.redisCertificateFile, config.redisCertificateFile])),
    ...together([settings.redisCertificateFile, config.redisCertificateFile], [settings.redisKeyFile, config.redisKeyFile]),
  ];
  const files = { ca: config.redisCaFile, cert: config.redisCertificateFile, key: config.redisKeyFile };
  const name = config.redisServerName === undefined ? {} : { servername: config.redisServerName };
  const tls = encrypted ? () => ({ ...material(files), ...name }) : undefined;
  check(faults, [[settings.redisUrls, tls], [settings.redisPasswordFile, config.redisPasswordFile && (() => secretOf(config.redisPasswordFile!))]]);
  return {
    ...(config.redisUsername === undefined ? {} : { username: config.redisUsername }),
    ...(config.redisPasswordFile === undefined ? {} : { password: secretOf(config.redisPasswordFile) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function saslOf(mechanism: BrokerConfig['kafkaSasl'], username = '', config: BrokerConfig): Pick<KafkaSecuritySettings, 'sasl'> {
  if (mechanism === 'off') return {};
  if (mechanism === 'oauthbearer') return { sasl: { mechanism, token: () => secretOf(config.kafkaTokenFile!) } };
  return { sasl: { mechanism, username, password: () => secretOf(config.kafkaPasswordFile!) } };
}

function neededFor(mechanism: BrokerConfig['kafkaSasl'], { kafkaUsername, kafkaPasswordFile, kafkaTokenFile }: BrokerConfig): ConfigFault[] {
  const needs = (setting: Setting, value: string | undefined): ConfigFault[] => (
    value === undefined ? [{ name: setting.name, message: `must be set for ${settings.kafkaSasl.name}=${mechanism}` }] : []
  );
  if (mechanism === 'off') return unused([settings.kafkaUsername, kafkaUsername], [settings.kafkaPasswordFile, kafkaPasswordFile], [settings.kafkaTokenFile, kafkaTokenFile]);
  if (mechanism === 'oauthbearer') return needs(settings.kafkaTokenFile, kafkaTokenFile);
  return [...needs(settings.kafkaUsername, kafkaUsername), ...needs(settings.kafkaPasswordFile, kafkaPasswordFile)];
}

/** What would be protected for nothing: somebody believes that it is. */
function unused(...named: readonly Named[]): ConfigFault[] {
  return named.filter(([, value]) => value !== undefined).map(([{ name }]) => ({ name, message: 'has no use: TLS or SASL is not switched on' }));
}

function together([one, a]: Named, [other, b]: Named): ConfigFault[] {
  if ((a === undefined) === (b === undefined)) return [];
  return [a === undefined ? { name: one.name, message: `must be set beside ${other.name}` } : { name: other.name, message: `must be set beside ${one.name}` }];
}

function check(faults: readonly ConfigFault[], reads: readonly (readonly [Setting, '' | (() => unknown) | undefined])[]): void {
  const unread = faults.length > 0 ? [] : reads.flatMap(([{ name }, read]): ConfigFault[] => {
    try {
      const value = read ? read() : undefined;
      if (typeof value === 'object') createSecureContext(value as ConnectionOptions);
      return [];
    } catch (error) {
      const { code = 'unknown', path = 'one of its files' } = error as NodeJS.ErrnoException;
      return [{ name, message: `${path} can not be used (${code})` }];
    }
  });
  const all = [...faults, ...unread];
  if (all.length > 0) throw new ConfigError(all);
}

function material(files: Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>): ConnectionOptions {
  const read = Object.entries(files).flatMap(([name, path]) => (path === undefined ? [] : [[name, readFileSync(path)] as const]));
  return Object.fromEntries(read);
}

/** A password or token, without the line's end that editors leave. */
function secretOf(path: string): string {
  return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
}
