/**
 * The secured peers of this worker. To the layers above, an association is a peer with a name of its own, `dtls:` and its
 * Connection ID, that stays the same whatever address the device has and whichever worker holds it.
 */
import type { Credential, DtlsServerEvent } from '@cluster/dtls';
import { BoundedCache, type DeviceNumber } from '@cluster/session';

type Established = Extract<DtlsServerEvent, { kind: 'established' }>;

export interface SecurePeer {
  readonly name: string;
  /** The engine's handle for the association. */
  readonly association: number;
  readonly cid: Uint8Array;
  /** Whose it is. */
  readonly number: DeviceNumber;
  readonly credential: Credential;
  /** The credential as sessions keep it: kind and version of the device's own credentials. */
  readonly identity: string;
  /** The largest message that one of its records can carry. */
  readonly sendLimit: number;
  /** The most bytes that DTLS adds to a message, by its way. */
  readonly overhead: Established['overhead'];
  /** Where it was last heard: transport and address. */
  address: string;
  /** Whether it was served by its association here: then former credentials of its are over. */
  served: boolean;
  /** Whether its last record can't be one that a former worker had already. */
  fresh: boolean;
}

const SCHEME = 'dtls:';
/** Messages of associations that were closed may still be under way in this worker. */
const CLOSED_KEPT = 10_000;

/** Whether a peer is secured, by its name. */
export function isSecure(peer: string): boolean {
  return peer.startsWith(SCHEME);
}

export class SecurePeers {
  readonly #byName = new Map<string, SecurePeer>();
  readonly #byAssociation = new Map<number, SecurePeer>();
  readonly #closed = new BoundedCache<string, SecurePeer>(CLOSED_KEPT, Number.POSITIVE_INFINITY);

  /** Those that live here now. */
  get all(): SecurePeer[] {
    return [...this.#byAssociation.values()];
  }

  get size(): number {
    return this.#byName.size;
  }

  established({ association, peer, cid, credential, sendLimit, overhead }: Established): SecurePeer {
    const name = `${SCHEME}${Buffer.from(cid).toString('base64url')}`;
    const { deviceNumber: number, credentialVersion, identity } = credential;
    const secure: SecurePeer = {
      name, association, cid, number, credential, sendLimit, overhead, identity: `${identity.kind}/${credentialVersion}`, address: addressOf(peer), fresh: true, served: false,
    };
    this.#byName.set(name, secure);
    this.#byAssociation.set(association, secure);
    return secure;
  }

  closed(association: number): SecurePeer | undefined {
    const peer = this.#byAssociation.get(association);
    if (peer === undefined) return undefined;
    this.#byAssociation.delete(association);
    if (this.#byName.get(peer.name) === peer) this.#byName.delete(peer.name);
    this.#closed.set(peer.name, peer, 0);
    return peer;
  }

  moved(association: number, to: string): void {
    const peer = this.#byAssociation.get(association);
    if (peer !== undefined) peer.address = addressOf(to);
  }

  byAssociation(association: number): SecurePeer | undefined {
    return this.#byAssociation.get(association);
  }

  /** The association that a message can be sent by. */
  live(name: string): SecurePeer | undefined {
    return this.#byName.get(name);
  }

  /** Who a peer proved to be, also of an association that was closed a moment ago. */
  of(name: string): SecurePeer | undefined {
    return this.#byName.get(name) ?? this.#closed.get(name, 0);
  }
}

/** `udp:192.0.2.7:40123` as transport and address of a secured peer. */
function addressOf(peer: string): string {
  return SCHEME + peer.slice(peer.indexOf(':') + 1);
}
