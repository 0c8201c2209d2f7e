import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, type ConfigFault, type Environment, loadConfig, renderSettingsMarkdown, settingsTable } from './index.ts';
import { renderConfigurationPage } from './documentation.ts';
import type { ServiceKind } from './index.ts';

const CLUSTER = { REDIS_URL: 'redis://127.0.0.1:6379', KAFKA_BROKERS: '127.0.0.1:9092' };

function faultsOf(env: Environment, kind: ServiceKind = 'standalone'): readonly ConfigFault[] {
  return errorOf(env, kind).faults;
}

function errorOf(env: Environment, kind: ServiceKind = 'standalone'): ConfigError {
  try {
    loadConfig(env, { kind });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('loadConfig', () => {
  it.each(['known', 'required'])('asks for the file of identities where they are %s', (policy) => {
    const env = { LWM2M_NETWORK_IDENTITY: policy };
    expect(() => loadConfig(env, { kind: 'standalone' })).toThrow(/LWM2M_NETWORK_IDENTITY_FILE/);
    expect(loadConfig({ ...env, LWM2M_NETWORK_IDENTITY_FILE: '/x' }, { kind: 'standalone' })).toMatchObject({ networkIdentity: policy, networkIdentityFile: '/x' });
  });

  it('needs nothing for standalone, which listens on loopback without security', () => {
    expect(loadConfig({}, { kind: 'standalone' })).toMatchObject({
      kind: 'standalone', redisUrls: [], kafkaBrokers: [], bind: ['127.0.0.1', '::1'], noSec: true,
      httpBind: '127.0.0.1', httpPort: 8080, coapPort: 5683, egress: 'owner', warnings: [],
    });
  });

  it('gives a cluster worker all interfaces and no plain CoAP', () => {
    expect(loadConfig(CLUSTER, { kind: 'edge' })).toMatchObject({
      bind: ['0.0.0.0', '::'], noSec: false, maxTransmitWaitS: 93, expiryGraceS: 45, publishTimeoutMs: 2000,
    });
  });

  it('freezes what it returns', () => {
    const config = loadConfig(CLUSTER, { kind: 'edge' });
    const frozen = [config, config.bind, config.redisUrls, config.kafkaBrokers, config.warnings];
    expect(frozen.every(Object.isFrozen)).toBe(true);
  });

  it.each(['redis://a:1,redis://b:2', 'redis://a:1 redis://b:2', ' redis://a:1,\n redis://b:2 '])('splits %j', (REDIS_URL) => {
    expect(loadConfig({ REDIS_URL }, { kind: 'standalone' }).redisUrls).toEqual(['redis://a:1', 'redis://b:2']);
  });

  it('takes an empty variable for an unset one', () => {
    expect(loadConfig({ LWM2M_HTTP_PORT: '', LWM2M_MODELS_DIR: '' }, { kind: 'standalone' })).toMatchObject({ httpPort: 8080 });
    expect(faultsOf({ ...CLUSTER, REDIS_URL: '' }, 'edge')).toEqual([{ name: 'REDIS_URL', message: 'must be set for edge' }]);
  });

  it('lets variables of others pass', () => {
    expect(() => loadConfig({ PATH: '/bin', OTEL_SERVICE_NAME: 'x', LWM2MX: '1' }, { kind: 'standalone' })).not.toThrow();
  });

  it('names every fault at once', () => {
    const error = errorOf({ LWM2M_HTTP_PORT: '99999', LWM2M_COPA_PORT: '1', LWM2M_EGRESS: 'all' }, 'registry');
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.faults.map((fault) => fault.name).sort()).toEqual([
      'KAFKA_BROKERS', 'LWM2M_COPA_PORT', 'LWM2M_EGRESS', 'LWM2M_HTTP_PORT', 'REDIS_URL',
    ]);
    for (const { name, message } of error.faults) expect(error.message).toContain(`${name}: ${message}`);
    expect(error.message).toContain('is LWM2M_COAP_PORT meant?');
  });
});

describe('a wrong value', () => {
  it.each([
    ['LWM2M_HTTP_PORT', '-1'], ['LWM2M_HTTP_PORT', '80.5'], ['LWM2M_HTTP_PORT', '0x50'], ['LWM2M_HTTP_PORT', '65536'],
    ['LWM2M_BIND', 'localhost'], ['LWM2M_BIND', '127.0.0.1,127.0.0.2'], ['LWM2M_BIND', ','], ['LWM2M_HTTP_BIND', '::g'],
    ['LWM2M_NOSEC', 'true'], ['LWM2M_EGRESS', 'Owner'], ['LWM2M_WORKER_ID', 'a b'], ['LWM2M_LOG_LEVEL', 'loud'],
    ['REDIS_URL', '127.0.0.1:6379'], ['REDIS_URL', 'http://a'], ['REDIS_URL', 'redis://a:1;redis://b:1'],
    ['KAFKA_BROKERS', 'kafka'], ['KAFKA_BROKERS', 'a:0'], ['KAFKA_BROKERS', 'a:9092,::1:9092'], ['KAFKA_BROKERS', '[a]:9092'],
    ['LWM2M_MAX_TRANSMIT_WAIT_S', '0'], ['LWM2M_MAX_BODY_BYTES', '1e6'],
  ])('%s=%j is refused by name', (name, value) => {
    expect(faultsOf({ [name]: value }).map((fault) => fault.name)).toEqual([name]);
  });

  it('an IPv6 broker stands in brackets', () => {
    expect(loadConfig({ KAFKA_BROKERS: '[::1]:9092' }, { kind: 'standalone' }).kafkaBrokers).toEqual(['[::1]:9092']);
  });
});

describe('variables that Kubernetes injects', () => {
  // https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
  it.each([
    ['LWM2M_PORT', 'tcp://10.0.0.11:5683'], ['LWM2M_SERVICE_HOST', '10.0.0.11'], ['LWM2M_SERVICE_PORT', '5683'],
    ['LWM2M_SERVICE_PORT_COAP', '5683'], ['LWM2M_PORT_5683_UDP', 'udp://10.0.0.11:5683'],
    ['LWM2M_PORT_5683_UDP_ADDR', '10.0.0.11'], ['LWM2M_PORT_5683_UDP_PROTO', 'udp'], ['LWM2M_PORT_5683_UDP_PORT', '5683'],
    ['LWM2M_EDGE_SERVICE_HOST', '10.0.0.11'], ['LWM2M_HTTP_PORT', 'tcp://10.0.0.11:8080'],
  ])('%s=%s is refused with the way out', (name, value) => {
    expect(faultsOf({ [name]: value })).toEqual([{ name, message: expect.stringContaining('enableServiceLinks: false') }]);
  });
});

describe('secrets', () => {
  it('no value appears in the error, whatever the variable', () => {
    const names = [...settingsTable().map((row) => row.name), 'LWM2M_PSK', 'LWM2M_SERVICE_HOST'];
    const secret = fc.stringMatching(/^[a-z]{12,20}$/).map((part) => `hunter2-${part}`);
    fc.assert(
      fc.property(fc.constantFrom(...names), secret, fc.constantFrom('', 'redis//u:', '-', 'tcp://'), (name, value, before) => {
        try {
          loadConfig({ [name]: before + value }, { kind: 'standalone' });
        } catch (error) {
          expect(String(error)).not.toContain(value);
        }
      }),
    );
  });
});

describe('the HTTP address', () => {
  it('is loopback unless told', () => {
    expect(loadConfig({}, { kind: 'standalone' }).httpBind).toBe('127.0.0.1');
  });

  it('warns if it was opened, since REST asks nobody who they are', () => {
    const open = { ...CLUSTER, LWM2M_HTTP_BIND: '0.0.0.0' };
    expect(loadConfig(open, { kind: 'registry' }).warnings).toEqual([expect.stringContaining('LWM2M_HTTP_BIND')]);
    expect(loadConfig({ ...open, LWM2M_NOSEC: 'on' }, { kind: 'edge' }).warnings).toEqual([expect.stringContaining('LWM2M_NOSEC')]);
  });
});

describe('documentation', () => {
  it('docs/configuration.md is the present table (npm run docs)', () => {
    const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    expect(page).toBe(renderConfigurationPage());
  });

  it('has a row for each setting, with defaults that parse', () => {
    const rows = settingsTable();
    expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length);
    const markdown = renderSettingsMarkdown();
    for (const row of rows) {
      expect(row.meaning).not.toBe('');
      expect(markdown).toContain(`| \`${row.name}\` |`);
    }
    expect(markdown).toContain('| `LWM2M_NOSEC` | `off (standalone: on)` |');
  });
});
