/** The values of the Helm chart as one schema, from which helm/values.schema.json is made (`npm run docs`). */
import { z } from 'zod';

const text = z.string();
const name = z.union([z.literal(''), z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'expected the name of a Kubernetes resource')]);
const port = z.int().min(1).max(65_535);
const count = z.int().min(0);
const quantity = z.string().regex(/^\d+(\.\d+)?(m|[KMGTP]i?)?$/, 'expected a Kubernetes quantity, e.g. 512Mi');
const free = z.record(z.string(), z.unknown());
const labels = z.record(z.string(), z.string());
const secretKey = z.strictObject({ existingSecret: name, key: z.string().min(1) });

/** What clients of Redis or Kafka show and trust, by reference. */
const clientTls = { ca: secretKey, clientCertificate: z.strictObject({ existingSecret: name }) };

const resources = z.strictObject({
  requests: z.strictObject({ cpu: quantity, memory: quantity }).partial().optional(),
  limits: z.strictObject({ cpu: quantity, memory: quantity }).partial().optional(),
});

const placement = { nodeSelector: labels, tolerations: z.array(free), affinity: free, podAnnotations: labels, serviceAccountAnnotations: labels };
const budget = z.union([z.strictObject({ maxUnavailable: z.union([count, text]) }), z.strictObject({ minAvailable: z.union([count, text]) })]);
const scaling = { minReplicas: z.int().min(1), maxReplicas: z.int().min(1), cpuPercent: z.int().min(1).max(100) };
const cpuScaling = z.strictObject({ kind: z.enum(['none', 'hpa']), ...scaling });

const serviceType = z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']);

/** A Service to which devices come. */
const deviceService = z.strictObject({
  type: serviceType, annotations: labels, loadBalancerClass: text, externalTrafficPolicy: z.enum(['Local', 'Cluster']),
  sessionAffinitySeconds: z.int().min(1).max(86_400), coapPort: port, coapsPort: port,
  nodePorts: z.strictObject({ coap: count, coaps: count }),
  ipFamilyPolicy: z.enum(['SingleStack', 'PreferDualStack', 'RequireDualStack']),
});

/** A Service to which callers of REST come. */
const restService = z.strictObject({ type: serviceType, annotations: labels, port });

/** What every service has. */
const workload = {
  enabled: z.boolean(), replicas: z.int().min(1), resources, drainSeconds: count, terminationGracePeriodSeconds: count, podDisruptionBudget: budget, ...placement,
};

const edge = z.strictObject({
  ...workload,
  service: deviceService,
  hostNetwork: z.boolean(),
  autoscaling: z.strictObject({
    kind: z.enum(['none', 'hpa', 'keda']), ...scaling, metric: text, metricTarget: text, query: text, queryTarget: text, prometheusAddress: text,
  }),
});

const registry = z.strictObject({ ...workload, service: restService, autoscaling: cpuScaling });
const bootstrap = z.strictObject({ ...workload, service: deviceService, rest: restService, autoscaling: cpuScaling });
const firmwareOrchestrator = z.strictObject({ ...workload, service: restService, autoscaling: cpuScaling });

const ingress = z.strictObject({ enabled: z.boolean(), className: text, host: text, annotations: labels, tlsSecret: name, patternAnnotations: labels });

const httpUrl = z.union([z.literal(''), z.string().regex(/^https?:\/\/\S+$/)]);
const fileName = z.string().regex(/^[-._a-zA-Z0-9]+$/, 'expected a key of a ConfigMap');

const firmware = z.strictObject({
  storage: z.strictObject({
    existingClaim: name,
    s3: z.strictObject({
      bucket: text, endpoint: httpUrl, region: z.string().min(1),
      credentials: z.strictObject({ existingSecret: name, accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) }),
    }),
  }),
  uris: z.array(z.string().regex(/^(coaps?|https?):\/\/[^\s,?#]+$/, 'expected a coap, coaps, http or https URI')),
  signature: z.strictObject({ required: z.boolean(), existingConfigMap: name, files: z.array(fileName) }),
});

/** Secrets with a certificate and its private key, in one file (no `privateKey`) or two. */
const keyPair = { existingSecret: name, key: z.string().min(1), privateKey: text };

/** A single pod to try the chart with; without `storage` on no volume. */
const bundled = z.strictObject({ enabled: z.boolean(), image: text, storage: z.union([z.literal(''), quantity]) });

const monitoring = z.strictObject({
  serviceMonitor: z.strictObject({ enabled: z.boolean(), interval: z.string().regex(/^\d+(s|m)$/), labels }),
  rules: z.strictObject({ enabled: z.boolean(), labels }),
  dashboards: z.strictObject({ enabled: z.boolean(), labels }),
});

/** A name that helm does not know is refused: a misspelt one must not pass for a default. */
export const chartValues = z.strictObject({
  /** What helm itself puts there. */
  global: free.optional(),
  image: z.strictObject({
    repository: z.string().min(1), tag: text, digest: z.union([z.literal(''), z.string().regex(/^sha256:[0-9a-f]{64}$/)]),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']), pullSecrets: z.array(z.strictObject({ name })),
  }),
  redis: z.strictObject({
    urls: z.array(z.string().regex(/^rediss?:\/\/\S+$/, 'expected redis:// or rediss://')),
    existingSecret: z.strictObject({ name, key: z.string().min(1) }),
    username: text, password: secretKey,
    tls: z.strictObject({ ...clientTls, serverName: text }),
    bundled,
  }),
  kafka: z.strictObject({
    brokers: z.array(z.string().regex(/^\S+:\d{1,5}$/, 'expected host:port')),
    tls: z.strictObject({ enabled: z.boolean(), ...clientTls }),
    sasl: z.strictObject({
      mechanism: z.enum(['off', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer']), username: text, password: secretKey, token: secretKey,
    }),
    topics: z.strictObject({ create: z.boolean(), partitions: z.int().min(1).max(10_000), replicationFactor: z.int().min(0).max(15) }),
    bundled,
    strimzi: z.strictObject({ enabled: z.boolean(), replicas: z.int().min(1), storage: quantity, version: text }),
  }),
  secrets: z.strictObject({
    master: secretKey, apiKeys: secretKey, certificate: z.strictObject(keyPair), authority: z.strictObject({ ...keyPair, edges: z.boolean() }),
  }),
  firmware,
  oidc: z.strictObject({ issuer: httpUrl, audience: text, rolesClaim: text, tenantClaim: text }),
  noSec: z.boolean(),
  egress: z.enum(['owner', 'any']),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  ingress,
  edge,
  registry,
  bootstrap,
  firmwareOrchestrator,
  networkPolicy: z.strictObject({ enabled: z.boolean(), restFrom: z.array(free), metricsFrom: z.array(free) }),
  monitoring,
});

/** The JSON schema as helm checks it: draft 7. */
export function chartSchema(): object {
  return z.toJSONSchema(chartValues, { target: 'draft-7', io: 'input' });
}
