/**
 * The chart installed on a real cluster, as a release named lwm2m: helm's own test, devices outside that bootstrap and
 * register through the Services and are read by REST, and devices over DTLS that report while edges go and an upgrade rolls.
 * The cluster is KUBECONFIG's; its nodes have the images K8S_IMAGE, K8S_REDIS_IMAGE and K8S_KAFKA_IMAGE, or can pull them.
 * Where K8S_RWX_CLASS names a storage class with ReadWriteMany, the firmware orchestrator is installed too.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fleetCredentials, PionFleet, startLeshan } from '@cluster/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readTold } from '../../conformance/faults/kills/told.ts';
import { Rest } from '../../conformance/src/rest.ts';
import { Cluster, secondsToReady, type Forward } from './cluster.ts';
import { output, tool } from './tools.ts';

const CHART = resolve(import.meta.dirname, '../../helm');
const RELEASE = 'lwm2m';
const PATH = '/3303/0/5700';
const fleetOf = { count: 12, endpoint: 'fleet-{n}', keySeed: 'a fleet on Kubernetes' };
const SETTLED = { timeout: 60_000, interval: 500 };
const { K8S_IMAGE: image = 'lwm2m-cluster:0.1.0', K8S_REDIS_IMAGE: redisImage, K8S_KAFKA_IMAGE: kafkaImage, K8S_RWX_CLASS: packagesClass } = process.env;

let cluster: Cluster;
let directory: string;
let helm: string;
let node: string;
let registry: Forward;
let rest: Rest;

/** One pod of each for Redis and Kafka, on no volumes; the smallest requests that a node of a lab has room for. */
function values() {
  const [repository, tag = ''] = image.split(/:(?=[^:/]+$)/);
  const bundled = (used: string | undefined) => ({ bundled: { enabled: true, storage: '', ...(used !== undefined && { image: used }) } });
  const resources = { requests: { cpu: '50m', memory: '128Mi' } };
  return {
    image: { repository, tag }, redis: bundled(redisImage), kafka: bundled(kafkaImage), noSec: true, secrets: { master: { existingSecret: 'master' } },
    edge: { service: { type: 'NodePort' }, resources }, registry: { resources }, bootstrap: { enabled: true, service: { type: 'NodePort' }, resources },
    ...(packagesClass !== undefined && { firmwareOrchestrator: { enabled: true, resources }, firmware: { storage: { existingClaim: 'packages' } } }),
  };
}

async function claimPackages(storageClassName: string): Promise<void> {
  const spec = { storageClassName, accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } };
  const file = join(directory, 'claim.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'packages' }, spec }));
  await cluster.kubectl('create', '-f', file);
}

async function expectHelm(...args: readonly string[]): Promise<void> {
  const { ok, text } = await output(helm, [...args, '-n', cluster.namespace]);
  expect(ok ? '' : text).toBe('');
}

/** The API server takes every resource of the chart with no word of it unknown; helm alone would let one pass. */
async function expectTaken(file: string): Promise<void> {
  const manifests = join(directory, 'manifests');
  await expectHelm('template', RELEASE, CHART, '-f', file, '--validate', '--output-dir', manifests);
  await cluster.kubectl('create', '--dry-run=server', '--validate=strict', '--recursive', '-f', manifests);
}

/** How long processes took to be ready, and what memory they use. */
async function report(title: string): Promise<void> {
  for (const component of ['edge', 'registry', 'bootstrap', 'firmware-orchestrator']) {
    for (const pod of await cluster.pods(component)) {
      console.log(`${title}: ${pod.metadata.name} ready after ${secondsToReady(pod)} s, ${Math.round((await cluster.memory(pod)) / 1e6)} MB`);
    }
  }
}

beforeAll(async () => {
  [helm, directory, cluster] = [await tool('helm'), await mkdtemp(join(tmpdir(), 'k8s-install-')), await Cluster.open()];
  const file = join(directory, 'values.json');
  await writeFile(file, JSON.stringify(values()));
  await cluster.kubectl('create', 'secret', 'generic', 'master', `--from-literal=secret.key=0 ${randomBytes(32).toString('hex')}`);
  if (packagesClass !== undefined) await claimPackages(packagesClass);
  await expectTaken(file);
  const startMs = performance.now();
  await expectHelm('install', RELEASE, CHART, '-f', file, '--wait', '--timeout', '5m');
  console.log(`installed and ready after ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  node = await cluster.nodeAddress();
  registry = await cluster.forward(`service/${RELEASE}-registry`, 8_080);
  rest = new Rest(registry.port);
}, 900_000);

afterAll(async () => {
  registry?.close();
  if (helm !== undefined) await output(helm, ['uninstall', RELEASE, '-n', cluster.namespace, '--wait']);
  await cluster?.close();
  if (directory !== undefined) await rm(directory, { recursive: true });
}, 300_000);

test('helm test registers a device', async () => {
  await expectHelm('test', RELEASE);
  await report('installed');
}, 180_000);

test.each(['coap', 'coaps'])('a Leshan client outside registers over %s through the edge’s Service and is read by REST', async (scheme) => {
  const endpoint = `leshan-${scheme}`;
  const security = { mode: 'psk' as const, identity: endpoint, keyHex: randomBytes(16).toString('hex') };
  if (scheme === 'coaps') await rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: security.keyHex } });
  const port = await cluster.nodePort(`${RELEASE}-edge`, scheme);
  const client = await startLeshan({ endpoint, host: node, port, ...(scheme === 'coaps' && { dtls: { security } }) });
  try {
    await client.register();
    const read = await rest.command(endpoint, { op: 'read', path: '/3/0/0' });
    expect(read).toMatchObject({ values: [{ path: '/3/0/0', value: expect.any(String) as string }] });
    await client.deregister();
  } finally {
    await client.stop();
  }
}, 180_000);

test('a Leshan client outside bootstraps over coaps through the Service of bootstrap, and registers with what it was given', async () => {
  const endpoint = 'leshan-bootstrapped';
  const security = { mode: 'psk' as const, identity: endpoint, keyHex: randomBytes(16).toString('hex') };
  await rest.setCredentials(endpoint, { psk: { identity: endpoint, keyHex: security.keyHex }, role: 'bootstrap' });
  const { port: restPort, close } = await cluster.forward(`service/${RELEASE}-bootstrap-rest`, 8_080);
  const uri = `coaps://${node}:${await cluster.nodePort(`${RELEASE}-edge`, 'coaps')}`;
  const accounts = [{ role: 'management', uri, security: { mode: 'psk', from: 'make' }, shortServerId: 1, lifetimeS: 120 }];
  const client = await startLeshan({ endpoint, host: node, port: await cluster.nodePort(`${RELEASE}-bootstrap`, 'coaps'), bootstrap: true, dtls: { security } });
  try {
    await new Rest(restPort).put(`/endpoints/${endpoint}/bootstrap/configuration`, { document: { accounts } });
    await client.register();
    expect(await rest.endpoint(endpoint)).toMatchObject({ address: expect.stringMatching(/^dtls:/) as string });
  } finally {
    await client.stop();
    close();
  }
}, 180_000);

/** Each edge that there is now goes, one after the other; its successor is ready before the next one does. */
async function deleteEdges(...how: readonly string[]): Promise<void> {
  const edges = await cluster.pods('edge');
  for (const { metadata } of edges) {
    await cluster.kubectl('delete', 'pod', metadata.name, ...how);
    await edgesRolled();
  }
}

/** All edges are new ones; helm does not wait for the old to go. */
async function edgesRolled(): Promise<void> {
  await cluster.kubectl('rollout', 'status', `deployment/${RELEASE}-edge`, '--timeout=120s');
}

async function upgrade(): Promise<void> {
  const changed = JSON.stringify({ rolled: 'once' });
  const startMs = performance.now();
  await expectHelm('upgrade', RELEASE, CHART, '--reuse-values', '--set-json', `edge.podAnnotations=${changed}`, '--set-json', `registry.podAnnotations=${changed}`, '--wait', '--timeout', '5m');
  await edgesRolled();
  console.log(`upgraded after ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
}

async function rollBack(): Promise<void> {
  await expectHelm('rollback', RELEASE, '1', '--wait', '--timeout', '5m');
  await edgesRolled();
}

/** What Kafka holds: the one broker names itself by a Service that only pods know. */
async function readKafka() {
  const { port, close } = await cluster.forward(`pod/${RELEASE}-kafka-0`, 9_092);
  try {
    return await readTold([`127.0.0.1:${port}`], ({ onConnect }) => connect({ port, host: '127.0.0.1' }, onConnect));
  } finally {
    close();
  }
}

test('devices over DTLS keep associations and what was acknowledged while edges are deleted, die, are upgraded and rolled back', async () => {
  for (const { endpoint, identity, keyHex } of fleetCredentials(fleetOf)) await rest.setCredentials(endpoint, { psk: { identity, keyHex } });
  await rest.putTemplate('fleet', { match: { endpointPattern: 'fleet-*' }, observations: [{ path: PATH }] });
  const server = `${node}:${await cluster.nodePort(`${RELEASE}-edge`, 'coaps')}`;
  const fleet = await PionFleet.open({ ...fleetOf, server, cidLength: 8, notifyS: 1, updateS: 5, giveUpAfter: 6, path: PATH, ledgerFile: join(directory, 'ledger') });
  try {
    await fleet.start();
    await vi.waitFor(async () => expect((await fleet.report()).totals.observed).toBe(fleetOf.count), SETTLED);
    const steps = [['deleted', () => deleteEdges()], ['killed', () => deleteEdges('--grace-period=0', '--force')], ['upgraded', upgrade], ['rolled back', rollBack]] as const;
    for (const [what, step] of steps) {
      await step();
      const { totals, registered } = await fleet.report();
      console.log(`edges ${what}: ${registered} registered, ${totals.acknowledged} notifications acknowledged, ${totals.repeated} repetitions, ${totals.timeouts} exchanges unanswered`);
    }
    await report('rolled back');
    fleet.pause();
    await vi.waitFor(async () => expect((await fleet.report()).registered).toBe(fleetOf.count), SETTLED);
    const { totals } = await fleet.report();
    const ledger = await fleet.ledger();
    const told = await readKafka();
    const lost = ledger.filter(({ endpoint, value }) => !told.has(endpoint, value));
    console.log(`${fleetOf.count} devices: ${totals.handshakes} handshakes, ${totals.registers} Registers, ${ledger.length} notifications acknowledged, ${lost.length} of them lost, ${told.doubled.length} told as two`);
    expect(lost).toEqual([]);
    expect(told.doubled).toEqual([]);
    expect(totals).toMatchObject({ handshakes: fleetOf.count, registers: fleetOf.count, sessionsEnded: 0, sessionsGivenUp: 0, updatesNotFound: 0 });
    expect(ledger.length).toBeGreaterThan(fleetOf.count);
  } finally {
    await fleet.stop();
  }
}, 900_000);
