/** The chart as helm renders it: valid resources for every good set of values, and a clear message for every wrong one. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '@cluster/config';
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
const { secrets } = production as { secrets: object };
const firmware = {
  storage: { existingClaim: 'packages' },
  uris: ['coaps://devices.example.net', 'https://lwm2m.example.net'],
  signature: { required: true, existingConfigMap: 'signature-keys', files: ['vendor.pem', 'own.pem'] },
};
const everything: Values = {
  ...production,
  secrets: { ...secrets, authority: { existingSecret: 'authority', edges: true } },
  firmware,
  image: { digest: `sha256:${'0'.repeat(64)}`, pullSecrets: [{ name: 'registry' }] },
  oidc: { issuer: 'https://id.example.net' },
  env: { LWM2M_CACHE_SESSIONS: 200_000, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
  edge: { autoscaling: { kind: 'hpa', metric: 'lwm2m_devices_busy' }, podAnnotations: { a: 'b' }, tolerations: [{ operator: 'Exists' }] },
  registry: { autoscaling: { kind: 'hpa' } },
  bootstrap: { enabled: true, autoscaling: { kind: 'hpa' }, rest: { annotations: { a: 'b' } } },
  firmwareOrchestrator: { enabled: true, autoscaling: { kind: 'hpa' }, serviceAccountAnnotations: { a: 'b' } },
  ingress: { enabled: true, host: 'lwm2m.example.net', tlsSecret: 'tls', className: 'nginx' },
  monitoring: { dashboards: { enabled: true } },
};
const s3 = { bucket: 'packages', endpoint: 'https://s3.example.net', credentials: { existingSecret: 's3' } };
const bucket: Values = { ...production, firmwareOrchestrator: { enabled: true }, firmware: { storage: { s3 } } };
const bootstrapAlone: Values = {
  ...production, edge: { enabled: false }, registry: { enabled: false }, bootstrap: { enabled: true }, ingress: { enabled: true, host: 'bootstrap.example.net' },
};
const host: Values = { ...production, egress: 'any', edge: { hostNetwork: true } };

async function render(values: Values, release = 'lwm2m') {
  const file = join(directory, 'values.json');
  await writeFile(file, JSON.stringify(values));
  return output(helm, ['template', release, CHART, '--kube-version', KUBERNETES, '-f', file]);
}

interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: object;
}
interface Container {
  readonly securityContext: object;
  readonly args: string[];
  readonly env: { name: string; value?: string }[];
  readonly volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}
interface Pod {
  readonly spec: { enableServiceLinks?: boolean; automountServiceAccountToken?: boolean; securityContext: object; containers: Container[]; volumes: Volume[] };
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

async function named(values: Values, kind: string, name: string): Promise<Resource> {
  const found = (await resources(values)).filter((resource) => resource.kind === kind && resource.metadata.name === name);
  expect(found).toHaveLength(1);
  return found[0]!;
}

const pods = (of: Resource[]) => of.flatMap(({ kind, spec }) => (kind === 'Pod' ? [spec as Pod['spec']] : spec?.template === undefined ? [] : [spec.template.spec]));
const filesOf = ({ env }: Container) => env.flatMap(({ name, value }) => (/_FILES?$/.test(name) ? (value ?? '').split(/[,+]/) : []));

const good = [
  ['a lab', lab], ['production', production], ['everything', everything], ['packages in a bucket', bucket], ['bootstrap alone', bootstrapAlone], ['the hosts’ network', host],
] as const;
const kinds = { edge: 'edge', registry: 'registry', bootstrap: 'bootstrap', 'firmware-orchestrator': 'firmware' } as const;

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
    const found = pods(await resources(values));
    expect(found.length).toBeGreaterThanOrEqual(2);
    for (const pod of found) {
      expect(pod).toMatchObject({ enableServiceLinks: false, automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } });
      for (const { securityContext } of pod.containers) expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
    }
  });

  test('gives each service an environment that it starts with, and files that are mounted', async () => {
    const services = pods(await resources(values)).flatMap(({ containers, volumes }) => containers.map((container) => ({ container, volumes })))
      .flatMap(({ container, volumes }) => Object.entries(kinds).filter(([folder]) => container.args?.[0] === `services/${folder}/dist/main.js`).map(([, kind]) => ({ kind, container, volumes })));
    expect(services.length).toBeGreaterThan(0);
    for (const { kind, container, volumes } of services) {
      const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? 'of-the-pod']));
      expect(() => loadConfig(env, { kind })).not.toThrow();
      const mounted = container.volumeMounts.map(({ mountPath }) => `${mountPath}/`);
      expect(filesOf(container).filter((file) => !mounted.some((path) => file.startsWith(path)))).toEqual([]);
      expect(container.volumeMounts.map(({ name }) => name).toSorted()).toEqual(volumes.map(({ name }) => name).toSorted());
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
    ['nothing to run', { ...lab, edge: { enabled: false }, registry: { enabled: false } }, 'nothing to run'],
    ['bootstrap without secrets', { ...lab, bootstrap: { enabled: true } }, 'bootstrap needs secrets.master'],
    ['an authority without DTLS', { ...lab, secrets: { authority: { existingSecret: 'x' } } }, 'secrets.authority needs secrets.master'],
    ['an authority that nobody serves', { ...production, secrets: { ...secrets, authority: { existingSecret: 'x' } } }, 'secrets.authority has no use'],
    ['edges with an authority that is not there', { ...production, secrets: { ...secrets, authority: { edges: true } } }, 'needs secrets.authority.existingSecret'],
    ['no place for packages', { ...production, firmwareOrchestrator: { enabled: true } }, 'no place for packages'],
    ['two places for packages', { ...bucket, firmware: { storage: { existingClaim: 'x', s3 } } }, 'packages are in one place'],
    ['credentials of no bucket', { ...production, firmware: { storage: { s3: { ...s3, bucket: '' } } } }, 'set firmware.storage.s3.bucket'],
    ['an endpoint of S3 that is none', { ...bucket, firmware: { storage: { s3: { ...s3, endpoint: 's3:9000' } } } }, 'endpoint'],
    ['URIs of packages that nobody serves', { ...production, firmware: { uris: ['coaps://a'] } }, 'set firmwareOrchestrator.enabled'],
    ['URIs of packages without secrets', { ...lab, firmwareOrchestrator: { enabled: true }, firmware: { ...firmware, uris: ['coap://a'] } }, 'firmware.uris needs secrets.master'],
    ['two URIs of a scheme', { ...everything, firmware: { ...firmware, uris: ['coaps://a', 'coaps://b'] } }, 'one URI for each'],
    ['a URI of coap without noSec', { ...everything, firmware: { ...firmware, uris: ['coap://a'] } }, 'edges serve no coap'],
    ['a URI of another scheme', { ...everything, firmware: { ...firmware, uris: ['ftp://a'] } }, 'uris'],
    ['signatures that nothing checks', { ...everything, firmware: { ...firmware, signature: { required: true } } }, 'no signature could be checked'],
    ['keys without names', { ...everything, firmware: { ...firmware, signature: { existingConfigMap: 'x' } } }, 'firmware.signature.files'],
    ['an open ingress', { ...lab, ingress: { enabled: true, host: 'x' } }, 'would let everybody in'],
    ['an open load balancer', { ...lab, registry: { service: { type: 'LoadBalancer' } } }, 'registry.service.type other than ClusterIP would let everybody in'],
    ['an open port of bootstrap’s REST', { ...lab, bootstrap: { rest: { type: 'NodePort' } } }, 'bootstrap.rest.type other than ClusterIP would let everybody in'],
    ['an ingress without a host', { ...production, ingress: { enabled: true } }, 'needs ingress.host'],
    ['an ingress to nothing', { ...production, registry: { enabled: false }, ingress: { enabled: true, host: 'x' } }, 'ingress leads nowhere'],
    ['the hosts’ network with owners', { ...production, edge: { hostNetwork: true } }, 'set egress to any'],
    ['any egress behind a Service', { ...production, egress: 'any' }, 'leave egress at owner'],
    ['fewer replicas at most than at least', { ...production, edge: { autoscaling: { kind: 'hpa', minReplicas: 5, maxReplicas: 2 } } }, 'greater than maxReplicas'],
    ['KEDA without Prometheus', { ...production, edge: { autoscaling: { kind: 'keda' } } }, 'prometheusAddress'],
    ['no time to drain', { ...production, edge: { terminationGracePeriodSeconds: 15 } }, 'killed while it drains'],
    ['no time to drain for bootstrap', { ...production, bootstrap: { drainSeconds: 60 } }, 'bootstrap.terminationGracePeriodSeconds must be more'],
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
  for (const [name, drain] of [['lwm2m-edge', 10], ['lwm2m-bootstrap', 20], ['lwm2m-firmware-orchestrator', 5]] as const) {
    const { spec } = await named(everything, 'Deployment', name);
    expect(spec).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }, template: { spec: { containers: [{ lifecycle: { preStop: { sleep: { seconds: drain } } } }] } } });
  }
});

test('the Services for devices keep addresses, and send a device to the pod that knows it', async () => {
  for (const [name, port] of [['lwm2m-edge', 5684], ['lwm2m-bootstrap', 5784]] as const) {
    const { spec } = await named(everything, 'Service', name);
    expect(spec).toMatchObject({ externalTrafficPolicy: 'Local', sessionAffinity: 'ClientIP', ports: [{ name: 'coaps', protocol: 'UDP', port }] });
  }
});

test('each service has what keeps it available, and nothing of a service that is off stays', async () => {
  const kindsOf = async (values: Values, name: string) => (await resources(values)).filter(({ metadata }) => metadata.name === name).map(({ kind }) => kind).toSorted();
  const common = ['Deployment', 'HorizontalPodAutoscaler', 'NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount'];
  for (const component of Object.keys(kinds)) expect(await kindsOf(everything, `lwm2m-${component}`)).toEqual(common);
  for (const component of ['bootstrap', 'bootstrap-rest', 'firmware-orchestrator']) expect(await kindsOf(production, `lwm2m-${component}`)).toEqual([]);
});

test('edges read the packages that the orchestrator writes', async () => {
  for (const [name, readOnly] of [['lwm2m-edge', true], ['lwm2m-firmware-orchestrator', false]] as const) {
    const { volumes, containers } = (await named(everything, 'Deployment', name)).spec.template!.spec;
    expect(volumes).toContainEqual({ name: 'firmware', persistentVolumeClaim: { claimName: 'packages' } });
    expect(containers[0]!.volumeMounts).toContainEqual({ name: 'firmware', mountPath: '/var/lib/lwm2m/firmware', readOnly });
  }
});

test('one host leads to the REST of all services', async () => {
  const rules = async (name: string) => ((await named(everything, 'Ingress', name)).spec as { rules?: { http: { paths: { path: string; backend: { service: { name: string } } }[] } }[] }).rules![0]!.http.paths;
  const services = [...(await rules('lwm2m-rest')), ...(await rules('lwm2m-rest-endpoints'))].map(({ path, backend }) => [path, backend.service.name]);
  expect(Object.fromEntries(services)).toMatchObject({
    '/': 'lwm2m-registry', '/api/v1/pki': 'lwm2m-bootstrap-rest', '/fw': 'lwm2m-firmware-orchestrator', '/api/v1/endpoints/.+/software(/.*)?$': 'lwm2m-firmware-orchestrator',
  });
  await named(everything, 'Service', 'lwm2m-bootstrap-rest');
});

test('no secret stands in what is rendered', async () => {
  expect((await resources(everything)).filter(({ kind }) => kind === 'Secret')).toEqual([]);
});
