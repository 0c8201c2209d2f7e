/** The chart as helm renders it: valid resources for every good set of values, and a clear message for every wrong one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { output, tool } from './tools.ts';

const CHART = resolve(import.meta.dirname, '../../helm');
const KUBERNETES = '1.35.0';
let helm: string;
let validate: string;
let directory: string;

beforeAll(async () => {
  [helm, validate, directory] = [await tool('helm'), await tool('kubectl-validate'), await mkdtemp(join(tmpdir(), 'chart-'))];
}, 900_000);
afterAll(() => rm(directory, { recursive: true }));

type Values = Record<string, unknown>;

const lab: Values = { redis: { bundled: { enabled: true } }, kafka: { bundled: { enabled: true } }, noSec: true };
const production: Values = {
  redis: { urls: ['redis://a:6379', 'redis://b:6379'] },
  kafka: { brokers: ['k1:9092', 'k2:9092', 'k3:9092'] },
  secrets: { master: { existingSecret: 'master' }, apiKeys: { existingSecret: 'keys' }, certificate: { existingSecret: 'certificate' } },
};
const everything: Values = {
  ...production,
  image: { digest: `sha256:${'0'.repeat(64)}`, pullSecrets: [{ name: 'registry' }] },
  oidc: { issuer: 'https://id.example.net' },
  env: { LWM2M_CACHE_SESSIONS: 200_000, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
  edge: { autoscaling: { kind: 'hpa', metric: 'lwm2m_devices_busy' }, podAnnotations: { a: 'b' }, tolerations: [{ operator: 'Exists' }] },
  registry: { autoscaling: { kind: 'hpa' }, ingress: { enabled: true, host: 'lwm2m.example.net', tlsSecret: 'tls', className: 'nginx' } },
  monitoring: { dashboards: { enabled: true } },
};
const host: Values = { ...production, egress: 'any', edge: { hostNetwork: true } };

async function render(values: Values, release = 'lwm2m') {
  const file = join(directory, 'values.json');
  await writeFile(file, JSON.stringify(values));
  return output(helm, ['template', release, CHART, '--kube-version', KUBERNETES, '-f', file]);
}

interface Pod {
  readonly spec: { enableServiceLinks?: boolean; automountServiceAccountToken?: boolean; securityContext: object; containers: { securityContext: object; env?: { name: string }[] }[] };
}
interface Resource {
  readonly kind: string;
  readonly metadata: { name: string };
  readonly spec: { template?: Pod } & Partial<Pod['spec']>;
}

async function resources(values: Values, release?: string): Promise<Resource[]> {
  const { ok, text } = await render(values, release);
  expect(ok ? '' : text).toBe('');
  return parseAllDocuments(text).map((document) => document.toJSON() as Resource | null).filter((resource) => resource !== null);
}

const good = [['a lab', lab], ['production', production], ['everything', everything], ['the hosts’ network', host]] as const;

describe.each(good)('%s', (_name, values) => {
  test('passes the schemas of Kubernetes and helm’s strict lint', async () => {
    const file = join(directory, 'values.json');
    const rendered = await render(values);
    const manifest = join(directory, 'manifest.yaml');
    await writeFile(manifest, rendered.text);
    expect(await output(helm, ['lint', '--strict', CHART, '--kube-version', KUBERNETES, '-f', file])).toMatchObject({ ok: true });
    expect(await output(validate, [manifest])).toMatchObject({ ok: true });
  }, 60_000);

  test('has pods that are restricted, and whose environment no Service of a release named lwm2m reaches', async () => {
    const pods = (await resources(values)).flatMap(({ kind, spec }) => (kind === 'Pod' ? [spec as Pod['spec']] : spec?.template === undefined ? [] : [spec.template.spec]));
    expect(pods.length).toBeGreaterThanOrEqual(3);
    for (const pod of pods) {
      expect(pod).toMatchObject({ enableServiceLinks: false, automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } });
      for (const { securityContext } of pod.containers) expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
    }
  });
});

describe('values that can not work are refused with what to do', () => {
  test.each<[what: string, values: Values, message: string]>([
    ['no Redis', { ...lab, redis: {} }, 'no Redis: set redis.urls'],
    ['two Redis', { ...lab, redis: { urls: ['redis://a:1'], bundled: { enabled: true } } }, 'more than one Redis'],
    ['no Kafka', { ...lab, kafka: {} }, 'no Kafka: set kafka.brokers'],
    ['two Kafka', { ...lab, kafka: { brokers: ['a:1'], strimzi: { enabled: true } } }, 'more than one Kafka'],
    ['no way in for devices', { ...lab, noSec: false }, 'no device could register'],
    ['a certificate without DTLS', { ...lab, secrets: { certificate: { existingSecret: 'x' } } }, 'secrets.certificate needs secrets.master'],
    ['an open ingress', { ...lab, registry: { ingress: { enabled: true, host: 'x' } } }, 'would let everybody in'],
    ['an open load balancer', { ...lab, registry: { service: { type: 'LoadBalancer' } } }, 'would let everybody in'],
    ['an ingress without a host', { ...production, registry: { ingress: { enabled: true } } }, 'needs registry.ingress.host'],
    ['the hosts’ network with owners', { ...production, edge: { hostNetwork: true } }, 'set egress to any'],
    ['any egress behind a Service', { ...production, egress: 'any' }, 'leave egress at owner'],
    ['fewer replicas at most than at least', { ...production, edge: { autoscaling: { kind: 'hpa', minReplicas: 5, maxReplicas: 2 } } }, 'greater than maxReplicas'],
    ['KEDA without Prometheus', { ...production, edge: { autoscaling: { kind: 'keda' } } }, 'prometheusAddress'],
    ['no time to drain', { ...production, edge: { terminationGracePeriodSeconds: 15 } }, 'killed while it drains'],
    ['a variable that nothing reads', { ...production, env: { PATH: '/x' } }, 'env.PATH'],
    ['a misspelt value', { ...production, edge: { replica: 2 } }, 'replica'],
    ['a wrong word', { ...production, egress: 'both' }, 'egress'],
    ['a secret in the clear', { ...production, secrets: { master: { value: '00' } } }, 'value'],
  ])('%s', async (_what, values, message) => {
    const { ok, text } = await render(values);
    expect(ok).toBe(false);
    expect(text).toContain(message);
  });
});

test('an upgrade puts a new pod in the place of an old one before that goes', async () => {
  const [edge] = (await resources(production)).filter(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'lwm2m-edge');
  expect(edge?.spec).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }, template: { spec: { terminationGracePeriodSeconds: 45, containers: [{ lifecycle: { preStop: { sleep: { seconds: 10 } } } }] } } });
});

test('the edge’s Service keeps addresses, and sends a device to the pod that knows it', async () => {
  const [service] = (await resources(production)).filter(({ kind, metadata }) => kind === 'Service' && metadata.name === 'lwm2m-edge');
  expect(service?.spec).toMatchObject({ externalTrafficPolicy: 'Local', sessionAffinity: 'ClientIP', ports: [{ name: 'coaps', protocol: 'UDP', port: 5684 }] });
});

test('no secret stands in what is rendered', async () => {
  expect((await resources(everything)).filter(({ kind }) => kind === 'Secret')).toEqual([]);
});
