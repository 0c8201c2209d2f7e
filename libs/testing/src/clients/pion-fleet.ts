/**
 * Thousands of LwM2M devices over DTLS in one process: pion/dtls with a pre-shared key, an association, a replay window
 * and a UDP socket for each. They register, update, answer reads and Observe, notify confirmably, and keep a ledger of
 * what the server acknowledged.
 */
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ensureProgram } from '../brokers/install.ts';
import type { NatNetwork } from '../network/nat-network.ts';
import { builtOnce, hashOf } from './built-once.ts';
import { JsonLineProcess, type ClientEvent } from './json-process.ts';

const run = promisify(execFile);
const REPLAY_PATIENCE_MS = 120_000;
const TRY_PATIENCE_MS = 120_000;
const PROJECT = resolve(import.meta.dirname, '../../clients/pion-fleet');

/** Which devices there are. `{n}` in a name stands for the device's number. */
export interface FleetNames {
  readonly count: number;
  /** Number of the first device; 0 unless told. */
  readonly first?: number;
  /** Endpoint names, "fleet-{n}" unless told. */
  readonly endpoint?: string;
  /** PSK identities; the endpoint names unless told. */
  readonly identity?: string;
  /** What the keys are made from. */
  readonly keySeed: string;
}

export interface FleetOptions extends FleetNames {
  /** File with lines of {"endpoint", "identity", "keyHex"}, to take in place of names and seed. */
  readonly credentialsFile?: string;
  /** Secure CoAP port of the server on 127.0.0.1, unless `server` tells address and port. */
  readonly port?: number;
  /**
   * Secure CoAP ports of bootstrap servers on 127.0.0.1. The credentials are for them then; what a device needs for its
   * LwM2M server it is given there: a pre-shared key (mode 0), or a certificate that it asks for by EST (mode 4).
   */
  readonly bootstrapPorts?: readonly number[];
  /** How long a device waits for the next command of a bootstrap session; 247 s unless told, as the enabler has it. */
  readonly bootstrapPatienceS?: number;
  /** A device takes so long at most to answer a command of a bootstrap session; no time unless told. */
  readonly thinkMs?: number;
  readonly server?: string;
  /** Length of each device's own Connection ID, 0 for none of its own; without it no CID is agreed. */
  readonly cidLength?: number;
  readonly mtu?: number;
  /** Records; 64 unless told. */
  readonly replayWindow?: number;
  readonly localAddress?: string;
  /** Registers with Q. */
  readonly queueMode?: boolean;
  readonly lifetimeS?: number;
  /** Seconds between two Updates, and two notifications, of a device; none unless told. */
  readonly updateS?: number;
  readonly notifyS?: number;
  /** The resource that changes, "/3303/0/5700" unless told. */
  readonly path?: string;
  /** 200 unless told. */
  readonly startPerSecond?: number;
  /** Patience for one handshake; 60 unless told. */
  readonly handshakeS?: number;
  /** Exchanges without an answer, one after the other, before a device shakes hands again; 3 unless told. */
  readonly giveUpAfter?: number;
  /** File for the ledger, and for the explicit nonces of all records received. */
  readonly ledgerFile?: string;
  readonly nonceFile?: string;
}

/** What is counted, for each device and in all. */
export interface FleetCounters {
  /** Complete ones: one a device is expected. */
  readonly handshakes: number;
  readonly handshakesFailed: number;
  /** Associations that the server ended with an alert, and those that a device gave up for want of answers. */
  readonly sessionsEnded: number;
  readonly sessionsGivenUp: number;
  /**
   * Records refused by the replay window, those that did not authenticate, those of another device that had the port before,
   * and others dropped.
   */
  readonly replayed: number;
  readonly undecryptable: number;
  readonly foreign: number;
  readonly discarded: number;
  readonly registers: number;
  readonly updates: number;
  readonly deregisters: number;
  /** Updates answered with 4.04, whereupon the device registered again. */
  readonly updatesNotFound: number;
  /** Answers 5.03, and other refusals. */
  readonly unavailable: number;
  readonly refused: number;
  /** Exchanges without an answer, and retransmissions. */
  readonly timeouts: number;
  readonly repeated: number;
  /** Notifications acknowledged, and those answered with RST. */
  readonly acknowledged: number;
  readonly reset: number;
  /** Requests of the server: Observe, others, and those with a message id that the device knew. */
  readonly observed: number;
  readonly requests: number;
  readonly duplicateRequests: number;
  readonly rebinds: number;
  /** Bootstrap sessions that were finished, those that broke off, and requests refused with 4.xx. */
  readonly bootstraps: number;
  readonly bootstrapsBroken: number;
  readonly bootstrapsRefused: number;
  /** Certificates that came by EST. */
  readonly enrolments: number;
  /** After a session that broke off: registrations with what the device had before. */
  readonly formerUsed: number;
  /** Credentials that have to hold, and were refused by an alert twice, one time after the other. */
  readonly lockedOut: number;
}

/** What came of handshakes with what devices had before. */
export interface FormerTried {
  readonly refused: number;
  readonly accepted: number;
  readonly unanswered: number;
}

/** Upper edges of steps of a quarter of an octave. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface FleetReport {
  readonly registered: number;
  readonly totals: FleetCounters;
  /** Of each endpoint, without zeros. */
  readonly devices: Readonly<Record<string, Partial<FleetCounters>>>;
  readonly cpuMs: number;
  readonly maxRssKb: number;
  readonly handshakeMs: Quantiles;
  /** Captured records that were sent once more, and records for devices that came to the foreign sockets they were sent from. */
  readonly injected: number;
  readonly injectedAnswered: number;
  /** From a notification to its acknowledgement, where it was sent once. */
  readonly acknowledgedMs: Quantiles;
}

/** A notification that the server acknowledged. A device's values count from 1. */
export interface LedgerEntry {
  readonly endpoint: string;
  readonly path: string;
  readonly value: number;
  readonly observe: number;
  readonly tokenHex: string;
  readonly messageId: number;
  readonly transmissions: number;
  readonly sentMs: number;
  readonly ackedMs: number;
}

/** A fleet of devices. */
export class PionFleet {
  readonly process: JsonLineProcess;
  readonly #options: FleetOptions;

  private constructor(process: JsonLineProcess, options: FleetOptions) {
    this.process = process;
    this.#options = options;
  }

  /** Opens the process; no device speaks before `start`. With a network the devices are in it, and speak to its server. */
  static async open(options: FleetOptions, network?: NatNetwork): Promise<PionFleet> {
    const { port, bootstrapPorts = [], ...settings } = options;
    const program = join(await buildPionFleet(), 'fleet');
    const behind = network && { server: network.server, localAddress: network.deviceAddresses[0] };
    const to = { ...(port !== undefined && { server: loopback(port) }), bootstrapServers: bootstrapPorts.map(loopback) };
    const args = [JSON.stringify({ ...to, ...behind, ...settings })];
    const process = new JsonLineProcess(...(network?.command(program, args) ?? ([program, args] as const)));
    await process.next('ready');
    return new PionFleet(process, options);
  }

  /** Lets the devices shake hands and register. Resolves when all are registered, with how long it took. */
  async start(patienceMs = 120_000): Promise<number> {
    this.process.command({ do: 'start' });
    return Number((await this.process.next('registered', undefined, patienceMs))['tookMs']);
  }

  /** Lets every device bootstrap once more. Resolves when all registered with what they were given, with how long it took. */
  async bootstrap(patienceMs = 120_000): Promise<number> {
    this.process.command({ do: 'bootstrap' });
    return Number((await this.process.next('bootstrapped', undefined, patienceMs))['tookMs']);
  }

  /** Shakes hands with what so many devices (0: all) had before they registered with what they were given last. */
  async tryFormer(count = 0): Promise<FormerTried> {
    this.process.command({ do: 'try-former', count });
    return (await this.process.next('tried', undefined, TRY_PATIENCE_MS)) as never;
  }

  /** Holds Updates and notifications; what the server asks is answered. */
  pause(): void {
    this.process.command({ do: 'pause' });
  }

  resume(): void {
    this.process.command({ do: 'resume' });
  }

  /** An Update of each device now. */
  update(): void {
    this.process.command({ do: 'update' });
  }

  /** A notification of each device now. */
  notify(): void {
    this.process.command({ do: 'notify' });
  }

  /** Keeps the last records that the server is known to have accepted from each device. */
  async capture(): Promise<void> {
    this.process.command({ do: 'capture' });
    await this.process.next('captured');
  }

  /** Sends what was captured of so many devices (0: all) twice, from their own address and from a foreign one. */
  async replay(count = 0): Promise<{ readonly devices: number; readonly records: number }> {
    this.process.command({ do: 'replay', count });
    return (await this.process.next('replayed', undefined, REPLAY_PATIENCE_MS)) as never;
  }

  /** What should not come: records of a device's own association that did not authenticate there, and answers to who replayed. */
  oddities(): ClientEvent[] {
    return ['undecryptable', 'answered'].flatMap((name) => this.process.takeAll(name));
  }

  /** Moves devices, all unless `count` tells, to a fresh local port, and with an address to that. Returns how many moved. */
  async rebind({ count = 0, address }: { readonly count?: number; readonly address?: string } = {}): Promise<number> {
    this.process.command({ do: 'rebind', count, ...(address === undefined ? {} : { address }) });
    return Number((await this.process.next('rebound'))['devices']);
  }

  /** Counts and latencies since the start. What the ledger and the nonce file have to tell is in them then. */
  async report(): Promise<FleetReport> {
    this.process.command({ do: 'report', perDevice: true });
    return (await this.process.next('report')) as unknown as FleetReport;
  }

  /** Why a device had no association or was refused: the next event that nobody took, of the first hundred. */
  trouble(): Promise<ClientEvent> {
    return this.process.next('trouble');
  }

  /** The ledger as of the last report. */
  async ledger(): Promise<LedgerEntry[]> {
    const entries: LedgerEntry[] = [];
    for await (const line of linesOf(this.#options.ledgerFile)) entries.push(JSON.parse(line) as LedgerEntry);
    return entries;
  }

  /** Explicit nonces received as of the last report: how many, and those that came with two different records. */
  async nonces(): Promise<NonceCheck> {
    return checkNonces(linesOf(this.#options.nonceFile));
  }

  /** De-registers every device and ends its association with close_notify. Resolves when all have left. */
  async leave(patienceMs = 120_000): Promise<void> {
    this.process.command({ do: 'leave' });
    await this.process.next('left', undefined, patienceMs);
  }

  /** Ends the fleet without a word to the server. */
  async stop(): Promise<void> {
    await this.process.stop();
  }
}

/** What a nonce file tells. */
export interface NonceCheck {
  readonly records: number;
  /** Device, association and nonce of each repetition. */
  readonly repeated: readonly string[];
}

/** Builds fleet and reference server where the cache has none of these sources. Returns the directory of the programs. */
export async function buildPionFleet(): Promise<string> {
  await ensureProgram('go', ['version'], 'golang-go');
  return builtOnce('pion-fleet', await hashOf(PROJECT), async (into) => {
    await run('go', ['build', '-trimpath', '-o', `${into}/`, './fleet', './reference'], { cwd: PROJECT });
  });
}

/** Endpoint, identity and key of each device, as the fleet makes them: HMAC-SHA256(keySeed, identity), first 16 bytes. */
export function fleetCredentials(names: FleetNames): { endpoint: string; identity: string; keyHex: string }[] {
  const { count, first = 0, endpoint = 'fleet-{n}', identity = endpoint, keySeed } = names;
  return Array.from({ length: count }, (_, index) => {
    const numbered = (template: string): string => template.replaceAll('{n}', String(first + index));
    const key = createHmac('sha256', keySeed).update(numbered(identity)).digest().subarray(0, 16);
    return { endpoint: numbered(endpoint), identity: numbered(identity), keyHex: key.toString('hex') };
  });
}

/**
 * Looks for nonces under one key that came with different records. A line: device, association, content type, epoch,
 * sequence number, CID, explicit nonce, digest of the record.
 */
export async function checkNonces(lines: AsyncIterable<string>): Promise<NonceCheck> {
  const digests = new Map<string, string>();
  const repeated: string[] = [];
  let records = 0;
  for await (const line of lines) {
    const [device, association, , epoch, , , nonce, digest = ''] = line.split(' ');
    const name = `${device} ${association} ${epoch} ${nonce}`;
    const former = digests.get(name);
    if (former !== undefined && former !== digest) repeated.push(name);
    digests.set(name, digest);
    records += 1;
  }
  return { records, repeated };
}

function loopback(port: number): string {
  return `127.0.0.1:${port}`;
}

function linesOf(file: string | undefined): AsyncIterable<string> {
  if (file === undefined) throw new Error('the fleet keeps no such file');
  return createInterface({ input: createReadStream(file) });
}
