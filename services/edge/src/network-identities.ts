/**
 * Which identity the operator's network gave an address to: what can be known of a device without security, where its
 * packets come through a private network. The network's side (RADIUS accounting, DHCP, the packet gateway) writes a file,
 * which is read again when it changes. OMA Transport 1.1.1 §5.3
 */
import { readFile, stat } from 'node:fs/promises';
import { isIPv4, isIPv6 } from 'node:net';
import type { SessionRecord } from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import { parsePeer } from '@cluster/transport';

/** Addresses and prefixes, and whose they are. The longest prefix decides. */
export class IdentityTable {
  /** By length of the prefix, longest first: identities by the bits of the prefix. */
  readonly #byLength: readonly [length: number, identities: ReadonlyMap<string, string>][];

  private constructor(prefixes: ReadonlyMap<number, ReadonlyMap<string, string>>) {
    this.#byLength = [...prefixes].toSorted(([a], [b]) => b - a);
  }

  /** Reads lines of an address or prefix, blanks, and an identity; `#` begins a comment. Tells the lines that are none. */
  static parse(text: string): { readonly table: IdentityTable; readonly badLines: readonly number[] } {
    const prefixes = new Map<number, Map<string, string>>();
    const badLines: number[] = [];
    text.split('\n').forEach((line, index) => {
      const [network = '', identity, ...more] = line.replace(/#.*/, '').trim().split(/\s+/);
      if (network === '') return;
      const prefix = parsePrefix(network);
      if (prefix === undefined || identity === undefined || more.length > 0) return void badLines.push(index + 1);
      const identities = prefixes.get(prefix.length) ?? new Map<string, string>();
      prefixes.set(prefix.length, identities.set(prefix.bits, identity));
    });
    return { table: new IdentityTable(prefixes), badLines };
  }

  get size(): number {
    return this.#byLength.reduce((sum, [, identities]) => sum + identities.size, 0);
  }

  /** The identity behind a peer; undefined where the network knows none. */
  identityOf(peer: string): string | undefined {
    if (this.#byLength.length === 0) return undefined;
    const address = parsePeer(peer)?.address;
    const bits = address === undefined ? undefined : bitsOf(address);
    if (bits === undefined) return undefined;
    for (const [length, identities] of this.#byLength) {
      const identity = length > bits.length ? undefined : identities.get(bits.slice(0, length));
      if (identity !== undefined) return identity;
    }
    return undefined;
  }
}

/** A prefix as the bits that it fixes. IPv4 is told from IPv6 by a letter in front, which counts as one bit. */
function parsePrefix(text: string): { length: number; bits: string } | undefined {
  const [address = '', size, ...more] = text.split('/');
  const bits = bitsOf(address);
  if (bits === undefined || more.length > 0) return undefined;
  const fixed = size === undefined ? bits.length - 1 : Number(size);
  if (!Number.isInteger(fixed) || fixed < 0 || fixed >= bits.length || size === '') return undefined;
  return { length: fixed + 1, bits: bits.slice(0, fixed + 1) };
}

function bitsOf(address: string): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  if (isIPv4(mapped)) return `4${mapped.split('.').map((octet) => binary(Number(octet), 8)).join('')}`;
  if (!isIPv6(address) || address.includes('%')) return undefined;
  // The URL parser writes every form of an address alike: RFC 5952, without dotted parts.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [first, last] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array.from({ length: 8 - (first?.length ?? 0) - (last?.length ?? 0) }, () => '0');
  return `6${[...(first ?? []), ...zeros, ...(last ?? [])].map((group) => binary(parseInt(group, 16), 16)).join('')}`;
}

function binary(value: number, width: number): string {
  return value.toString(2).padStart(width, '0');
}

/** `off`: nobody is asked; `known`: an identity that the network knows has to fit; `required`: there has to be one. */
export type NetworkIdentityPolicy = 'off' | 'known' | 'required';

const LOOK_AGAIN_MS = 5_000;

export class NetworkIdentities {
  readonly #policy: NetworkIdentityPolicy;
  readonly #log: Logger;
  #table = IdentityTable.parse('').table;
  #timer: NodeJS.Timeout | undefined;
  #readMs = 0;

  constructor(policy: NetworkIdentityPolicy, log: Logger) {
    this.#policy = policy;
    this.#log = log;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Reads the file, and again whenever it has changed. Rejects if it can't be read at the start. */
  async open(file: string): Promise<void> {
    await this.read(file);
    const again = (): void => void this.read(file).catch((err: unknown) => this.#log.error({ err }, 'identities of the network stay as they were'));
    this.#timer = setInterval(again, LOOK_AGAIN_MS).unref();
  }

  /** Reads the file if it has changed. A line that is none is told by its number, and the others count. */
  async read(file: string): Promise<void> {
    const { mtimeMs } = await stat(file);
    if (mtimeMs === this.#readMs) return;
    const { table, badLines } = IdentityTable.parse(await readFile(file, 'utf8'));
    if (badLines.length > 0) this.#log.warn({ file, lines: badLines.slice(0, 20) }, 'lines are no address or prefix with an identity');
    this.#table = table;
    this.#readMs = mtimeMs;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Whether a peer without security may be this endpoint. `profile`: what an operator keeps for it. */
  fits(peer: string, endpoint: string, profile: SessionRecord['profile']): boolean {
    // Another scheme is one of security.
    if (this.#policy === 'off' || !peer.startsWith('udp:')) return true;
    const identity = this.#table.identityOf(peer);
    if (identity === undefined) return this.#policy === 'known';
    const { networkIdentity } = profile?.settings ?? {};
    // Without a setting the name itself has to tell it: urn:imei:490154203237518, or the identity alone.
    return networkIdentity === undefined ? endpoint === identity || endpoint.endsWith(`:${identity}`) : networkIdentity === identity;
  }
}
