/**
 * Devices behind a real NAT: network namespaces in which devices live, and a Linux balancer between them and workers on
 * this host. The balancer gives each flow to a worker at random (nftables); a flow that a worker opens to a device on its
 * own account has another source address. Needs root, iproute2, nftables and conntrack; gone when this process is.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { ensureProgram } from '../brokers/install.ts';

const run = promisify(execFile);

/** The namespaces could not be made. The message says why. */
export class NatUnavailable extends Error {
  readonly code = 'NAT_UNAVAILABLE';
}

export interface NatNetworkOptions {
  /** UDP ports of the workers at `workerAddress`; bind them there, or to all addresses. */
  readonly workers: readonly number[];
  /** Port that devices send to; 5684 unless told. */
  readonly port?: number;
}

/** Ends with the process that holds its stdin; a namespace takes its interfaces along. */
const WATCHDOG = 'cat >/dev/null; ip netns delete "$1"; ip netns delete "$2"';

/** A running network. */
export class NatNetwork {
  /** Name of the namespace that devices run in: `ip netns exec NAME program`. */
  readonly namespace: string;
  /** Address of this host that workers have. */
  readonly workerAddress: string;
  /** Address and port that devices send to. */
  readonly server: string;
  /** Source address of flows that workers open. */
  readonly otherSource: string;
  /** Addresses that devices can bind. */
  readonly deviceAddresses: readonly string[];
  readonly #balancer: string;
  readonly #port: number;
  readonly #watchdog: ReturnType<typeof spawn>;

  private constructor(id: string, port: number) {
    const subnet = `10.${randomInt(64, 224)}.${randomInt(0, 255)}`;
    this.namespace = `lwm2m-${id}-devices`;
    this.#balancer = `lwm2m-${id}-balancer`;
    this.#port = port;
    this.workerAddress = `${subnet}.1`; // .0/30: this host and the balancer; .128/25: the balancer and the devices
    this.server = `${subnet}.129:${port}`;
    this.otherSource = `${subnet}.130`;
    this.deviceAddresses = [`${subnet}.131`, `${subnet}.132`];
    const args = ['-c', WATCHDOG, 'sh', this.namespace, this.#balancer];
    this.#watchdog = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  }

  /** Makes namespaces, links and rules. */
  static async open({ workers, port = 5684 }: NatNetworkOptions): Promise<NatNetwork> {
    if (process.getuid?.() !== 0) throw new NatUnavailable('network namespaces need root');
    await ensureProgram('ip', ['-V'], 'iproute2');
    await ensureProgram('nft', ['--version'], 'nftables');
    await ensureProgram('conntrack', ['--version'], 'conntrack');
    const id = randomBytes(3).toString('hex');
    const network = new NatNetwork(id, port);
    try {
      await network.#build(id);
      await network.setWorkers(workers);
    } catch (cause) {
      await network.close();
      throw new NatUnavailable(`no network namespaces: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    return network;
  }

  /** The command that runs a program among the devices. */
  command(program: string, args: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', this.namespace, program, ...args]];
  }

  /** The workers that new flows go to. Flows there are stay where they are: see {@link moveFlows}. */
  async setWorkers(workers: readonly number[]): Promise<void> {
    const target = workers.map((port, index) => `${index} : ${port}`).join(', ');
    const dnat = `dnat to ${this.workerAddress} : numgen random mod ${workers.length} map { ${target} }`;
    const chain = 'flush chain ip balancer incoming';
    await this.#nft(`${chain}\nadd rule ip balancer incoming udp dport ${this.#port} ${dnat}\n`);
  }

  /** Forgets all flows: each goes to a worker picked anew with its device's next datagram. */
  async moveFlows(): Promise<void> {
    await run('ip', ['netns', 'exec', this.#balancer, 'conntrack', '-F']);
  }

  /** Removes all of it. What still runs among the devices loses its network. */
  async close(): Promise<void> {
    const gone = once(this.#watchdog, 'exit');
    this.#watchdog.stdin?.end();
    await gone;
  }

  async #build(id: string): Promise<void> {
    const [outer, inner, upper, lower] = [`lw${id}o`, `lw${id}i`, `lw${id}u`, `lw${id}d`];
    const [server] = this.server.split(':') as [string];
    const [first, second] = this.deviceAddresses;
    const subnet = server.slice(0, server.lastIndexOf('.'));
    await run('ip', ['netns', 'add', this.#balancer]);
    await run('ip', ['netns', 'add', this.namespace]);
    await run('ip', ['link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', this.#balancer]);
    await run('ip', ['-n', this.#balancer, 'link', 'add', upper, 'type', 'veth', 'peer', 'name', lower, 'netns', this.namespace]);
    await this.#address(undefined, outer, `${this.workerAddress}/30`);
    await this.#address(this.#balancer, inner, `${subnet}.2/30`);
    await this.#address(this.#balancer, upper, `${server}/25`, `${this.otherSource}/25`);
    await this.#address(this.namespace, lower, `${first}/25`, `${second}/25`);
    await run('ip', ['route', 'add', `${subnet}.128/25`, 'via', `${subnet}.2`, 'dev', outer]);
    await run('ip', ['-n', this.namespace, 'route', 'add', 'default', 'via', server]);
    await run('ip', ['netns', 'exec', this.#balancer, 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    await this.#nft(`table ip balancer {
      chain incoming { type nat hook prerouting priority -100; }
      chain outgoing { type nat hook postrouting priority 100; oifname "${upper}" snat to ${this.otherSource}; }
    }\n`);
  }

  async #address(namespace: string | undefined, link: string, ...addresses: readonly string[]): Promise<void> {
    const prefix = namespace === undefined ? [] : ['-n', namespace];
    for (const address of addresses) await run('ip', [...prefix, 'address', 'add', address, 'dev', link]);
    await run('ip', [...prefix, 'link', 'set', link, 'up']);
    if (namespace !== undefined) await run('ip', [...prefix, 'link', 'set', 'lo', 'up']);
  }

  async #nft(rules: string): Promise<void> {
    const nft = run('ip', ['netns', 'exec', this.#balancer, 'nft', '-f', '-']);
    nft.child.stdin?.end(rules);
    await nft;
  }
}
