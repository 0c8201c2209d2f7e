/** What the bootstrap interface asks for a device: what it is to have, with every credential in it accepted already. */
import type { ValueType } from '@cluster/contracts';
import type { Lwm2mVersion, Value } from '@cluster/lwm2m';
import type { UsedCredential } from '../credentials/credential-lookup.ts';
import type { DeviceNumber } from '../ports.ts';

export interface ProvisionedResource {
  readonly id: number;
  /** Of a multiple resource. */
  readonly instance?: number;
  /** As the object model has it for the version of the client's enabler. */
  readonly type: ValueType;
  readonly value: Value;
}

/** One object instance with all that is to be written to it. */
export interface ProvisionedInstance {
  /** /0/1, /1/0, /2/0 … */
  readonly path: string;
  readonly resources: readonly ProvisionedResource[];
}

/** What a device is to have, worked out from its configuration. */
export interface Provision {
  /** The name of the configuration; `own` where the endpoint has one of its own. */
  readonly configuration: string;
  readonly revision: number;
  /** In the order in which they are to be written: object 0, object 1, then others. */
  readonly writes: readonly ProvisionedInstance[];
  /** Paths to delete before; `all-but-bootstrap`: Delete on the root, which spares the bootstrap account and /3/0. */
  readonly deletes: readonly string[] | 'all-but-bootstrap';
  /** Objects and object instances that are not to be deleted: what Bootstrap-Discover shows is then deleted one by one. */
  readonly keep: readonly string[];
  readonly discoverFirst: boolean;
  /** /1 and /2, or instances of them, to be read before Finish. OMA LwM2M Core 1.1 §6.1.7.2 */
  readonly readBack: readonly string[];
}

export type Prepared =
  | {
      readonly kind: 'provision';
      readonly endpoint: string;
      readonly number: DeviceNumber;
      /** Whose the device is, where that is known already. */
      readonly tenant?: string;
      readonly provision: Provision;
    }
  | {
      readonly kind: 'no-configuration' | 'unknown-endpoint' | 'quarantined' | 'wrong-identity';
      /** For the flight record and the diagnostic payload; tells no secret. */
      readonly detail: string;
      readonly retryAfterS?: number;
      /** The device that it is about, where there is one. */
      readonly number?: DeviceNumber | undefined;
    };

export interface BootstrapRequest {
  /** As the device calls itself; who proved to be a device may leave it out. */
  readonly endpoint?: string | undefined;
  /** What the association was made with; undefined: there is no security. */
  readonly identity?: UsedCredential | undefined;
  /** `pct`. OMA LwM2M Core 1.1 §6.1.7.1 */
  readonly preferredFormat?: number | undefined;
  /** The client's enabler where it is known; a `pct` tells 1.1 at least. */
  readonly version?: Lwm2mVersion | undefined;
  /** The store's clock. */
  readonly nowMs: number;
}

/** How a session ended. The flight record is one. */
export interface FinishedBootstrap {
  readonly endpoint: string;
  readonly number?: DeviceNumber | undefined;
  readonly outcome: 'finished' | 'failed';
  /** Why it failed, as a stable word. */
  readonly reason?: string | undefined;
  readonly endedAtMs: number;
}

export interface BootstrapDesk {
  /**
   * Works out what the device is to have and makes its credentials. When it resolves with a provision, they are stored and
   * accepted. Rejects where the store is away: nothing was promised to the device.
   */
  prepare(request: BootstrapRequest): Promise<Prepared>;
  finished(session: FinishedBootstrap): Promise<void>;
}
