/** A Kubernetes cluster by its `kubectl`, which finds it by KUBECONFIG: a namespace of its own, pods, and ways to Services that lead out. */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 16 * 1_048_576;
/** Resident memory as the kernel counts it, with either version of control groups. */
const MEMORY = `
  const { readFileSync } = require('node:fs');
  const files = ['/sys/fs/cgroup/memory.current', '/sys/fs/cgroup/memory/memory.usage_in_bytes'];
  for (const file of files) try { console.log(Number(readFileSync(file, 'utf8'))); break; } catch {}
`;

/** A pod as `kubectl get` shows it, as far as it is needed here. */
export interface Pod {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly deletionTimestamp?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly lastTransitionTime: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number; readonly state: { readonly running?: { readonly startedAt: string } } }[];
  };
}

/** A port of this host that leads to one of a Service. */
export interface Forward {
  readonly port: number;
  close(): void;
}

/** A namespace for one run of a suite, in which Pod Security "restricted" is enforced. */
export class Cluster {
  readonly namespace = `lwm2m-test-${randomBytes(3).toString('hex')}`;

  /** Makes the namespace. */
  static async open(): Promise<Cluster> {
    const cluster = new Cluster();
    await cluster.kubectl('create', 'namespace', cluster.namespace);
    await cluster.kubectl('label', 'namespace', cluster.namespace, 'pod-security.kubernetes.io/enforce=restricted');
    return cluster;
  }

  /** Deletes the namespace with all that is in it. */
  async close(): Promise<void> {
    await this.kubectl('delete', 'namespace', this.namespace, '--wait', '--timeout=180s');
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('kubectl', ['-n', this.namespace, ...args], { maxBuffer: MAX_OUTPUT_BYTES });
    return stdout;
  }

  async get<T>(...what: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl('get', ...what, '-o', 'json')) as T;
  }

  /** The pods of a component of the chart that are there to stay. */
  async pods(component: string): Promise<Pod[]> {
    const { items } = await this.get<{ items: Pod[] }>('pods', '-l', `app.kubernetes.io/component=${component}`);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** An address of the first node at which devices reach the ports of nodes. */
  async nodeAddress(): Promise<string> {
    const { items } = await this.get<{ items: { status: { addresses: { type: string; address: string }[] } }[] }>('nodes');
    return items[0]!.status.addresses.find(({ type }) => type === 'InternalIP')!.address;
  }

  /** The port of the nodes that leads to a port of a Service. */
  async nodePort(service: string, name: string): Promise<number> {
    const { spec } = await this.get<{ spec: { ports: { name: string; nodePort: number }[] } }>('service', service);
    return spec.ports.find((port) => port.name === name)!.nodePort;
  }

  /** Leads a port of 127.0.0.1 to one of a pod behind this (`service/name`, `pod/name`). Not over the end of that pod. */
  async forward(target: string, port: number): Promise<Forward> {
    const child = spawn('kubectl', ['-n', this.namespace, 'port-forward', target, `:${port}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return { port: Number(/127\.0\.0\.1:(\d+)/.exec(line)![1]), close: () => child.kill() };
  }

  /** Bytes of memory that the processes of a pod of ours use. */
  async memory({ metadata }: Pod): Promise<number> {
    return Number(await this.kubectl('exec', metadata.name, '--', 'node', '-e', MEMORY));
  }
}

/** Seconds from the start of a pod's process until it was ready; the cluster tells whole ones. */
export function secondsToReady({ status }: Pod): number {
  const started = status.containerStatuses?.[0]?.state.running?.startedAt ?? '';
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '';
  return (Date.parse(ready) - Date.parse(started)) / 1_000;
}
