/** Eclipse Leshan's client as a test peer: LwM2M 1.1 over UDP and DTLS (Scandium), objects 1, 3, 5, 6 and 3303, further ones on demand. */
import { resolve } from 'node:path';
import type { CipherSuite, DtlsSecurity, HandshakeFailed } from './dtls/peer.ts';
import { JsonLineProcess, type ClientEvent } from './json-process.ts';
import { buildMaven } from './maven-project.ts';

const PROJECT = resolve(import.meta.dirname, '../../clients/leshan');
const REGISTRY = resolve(import.meta.dirname, '../../../lwm2m/ddf/objects');

export interface LeshanOptions {
  readonly endpoint: string;
  /** CoAP port of the server. */
  readonly port: number;
  /** Its address; 127.0.0.1 unless told. */
  readonly host?: string;
  /** 300 unless told. */
  readonly lifetimeS?: number;
  readonly queueMode?: boolean;
  /** Whether it has the objects 4, 7, 10, 11, 16, 19 and 20 too: in registration lists of several blocks. */
  readonly allObjects?: boolean;
  /** CoAP over DTLS; `port` is the server's secure port then. RPK needs `peerKeyFile`. */
  readonly dtls?: LeshanDtls;
  /** Whether its object 5 takes packages; see {@link LeshanClient.updatesTo}. */
  readonly firmware?: boolean;
  /** It has nothing but an account at its bootstrap server: `port` and `dtls` are those of this account. */
  readonly bootstrap?: boolean;
  /** An account at a bootstrap server beside the one at its server, for when that one refuses it. */
  readonly fallback?: { readonly port: number; readonly security?: DtlsSecurity };
}

/** What its object 5 does otherwise than well: the Update Results in which downloads and installations end, and its room. */
interface LeshanFirmwareTroubles {
  readonly downloadResult?: number;
  readonly updateResult?: number;
  readonly flashBytes?: number;
}

/** What Scandium is told. */
export interface LeshanDtls {
  readonly security: DtlsSecurity;
  /** Scandium's own list unless told. */
  readonly suite?: CipherSuite;
  /** Length of the Connection ID that it wants for itself, 0 for none of its own; without it no CID is agreed. */
  readonly cidLength?: number;
  /** Largest datagram that it sends. */
  readonly mtu?: number;
  /** Resumes its session before each Update. */
  readonly resumeOnUpdate?: boolean;
}

/** A handshake of Scandium's. */
export interface ScandiumHandshake {
  readonly ok: true;
  readonly suite: CipherSuite;
  readonly resumed: boolean;
  /** The peer's address and port. */
  readonly peer: string;
  /** The peer as it proved itself, e.g. a PSK identity; null for one that did not. */
  readonly principal: string | null;
  /** Connection ID in records to this side, and in records to the peer; null where none is agreed. */
  readonly readCid: string | null;
  readonly writeCid: string | null;
}

/** A running Leshan client. Methods resolve when the client says that it is done. */
export interface LeshanClient {
  readonly process: JsonLineProcess;
  /** Registers (again). Returns the location. */
  register(): Promise<string>;
  update(): Promise<void>;
  deregister(): Promise<void>;
  /** Registers anew as after a reboot, without a De-register. Returns the location. */
  restart(): Promise<string>;
  /** Sends the values at the paths. Returns the answer's code. */
  send(paths: readonly string[], contentFormat?: number): Promise<string>;
  /** Sets a value; observations of it notify. */
  setValue(path: string, value: string | number | boolean): void;
  /** Runs version 1.0 and is idle; from now on it becomes a version by updates, with these troubles. */
  updatesTo(becomes: string, troubles: LeshanFirmwareTroubles): Promise<void>;
  /** SHA-256 of the next package that it took. */
  packageTaken(): Promise<string>;
  /** What the next handshake comes to that nobody asked for yet. */
  handshake(): Promise<ScandiumHandshake | HandshakeFailed>;
  /** Has the next message resume the DTLS session, by an abbreviated handshake. */
  resumeSession(): void;
  /** Has it forget its DTLS session: the next message needs a full handshake. */
  forgetSession(): void;
  /** The next event of a name: written, executed, observed, refused, update-refused, timeout, alert, error. */
  next(name: string, matches?: (event: ClientEvent) => boolean): Promise<ClientEvent>;
  /** Ends the process without a word to the server. */
  stop(): Promise<void>;
}

/** Starts a Leshan client, not registered yet. */
export async function startLeshan(options: LeshanOptions): Promise<LeshanClient> {
  const { endpoint, port, host = '127.0.0.1', lifetimeS = 300, queueMode = false, allObjects = false, firmware = false, dtls, bootstrap = false, fallback } = options;
  const accounts = { uri: uriOf(host, port, dtls), ...(bootstrap ? { bootstrap } : {}), ...(fallback && { fallback: { uri: uriOf(host, fallback.port, fallback.security), security: fallback.security } }) };
  const settings = { endpoint, ...accounts, lifetimeS, queueMode, firmware, ...(allObjects ? { registry: REGISTRY } : {}), ...dtls };
  const client = await startJava('lwm2m.cluster.Main', settings);
  await client.next('ready');
  return handleOf(client);
}

function uriOf(host: string, port: number, security: unknown): string {
  return `${security === undefined ? 'coap' : 'coaps'}://${host}:${port}`;
}

/** Runs a main class of the project with its settings as JSON. */
export async function startJava(mainClass: string, settings: object, heap = '96m'): Promise<JsonLineProcess> {
  const classPath = await buildMaven('leshan', PROJECT, 'leshan-test-client');
  const java = [`-Xmx${heap}`, '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath];
  return new JsonLineProcess('java', [...java, mainClass, JSON.stringify(settings)]);
}

/** The next handshake that the process tells of, done or failed. */
export async function nextHandshake(process: JsonLineProcess): Promise<ScandiumHandshake | HandshakeFailed> {
  const told = await process.nextOf(['handshake', 'handshake-failed']);
  if (told.event === 'handshake-failed') {
    return { ok: false, alert: told['alert'] as number | undefined, reason: String(told['reason']) };
  }
  const { suite, full, peer, principal, readCid, writeCid } = told as unknown as Omit<ScandiumHandshake, 'ok'> & { full: boolean };
  return { ok: true, suite, resumed: !full, peer, principal, readCid, writeCid };
}

function handleOf(client: JsonLineProcess): LeshanClient {
  return {
    process: client,
    async register() {
      client.command({ do: 'start' });
      return String((await client.next('registered'))['location']);
    },
    async update() {
      client.command({ do: 'update' });
      await client.next('updated');
    },
    async deregister() {
      client.command({ do: 'stop' });
      await client.next('deregistered');
    },
    async restart() {
      client.command({ do: 'restart' });
      return String((await client.next('registered'))['location']);
    },
    async send(paths, contentFormat = 112) {
      client.command({ do: 'send', paths, format: contentFormat });
      return String((await client.next('sent'))['code']);
    },
    setValue: (path, value) => client.command({ do: 'set', path, value }),
    async updatesTo(becomes, troubles) {
      client.takeAll('package');
      client.command({ do: 'firmware', becomes, ...troubles });
      const { event, message } = await client.nextOf(['firmware', 'error']);
      if (event === 'error') throw new Error(String(message));
    },
    packageTaken: async () => String((await client.next('package'))['sha256']),
    handshake: () => nextHandshake(client),
    resumeSession: () => client.command({ do: 'resume' }),
    forgetSession: () => client.command({ do: 'forget' }),
    next: (name, matches) => client.next(name, matches),
    stop: () => client.stop(),
  };
}
