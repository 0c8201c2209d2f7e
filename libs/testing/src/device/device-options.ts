/** What a simulated device takes and tells: its options and its events. */
import type { Path, ResourceValue } from '@cluster/lwm2m';
import type { Delivery, Notification } from './notifier.ts';
import type { ObjectSpec } from './objects.ts';
import type { Observation } from './observations.ts';
import type { OperationName } from './operations.ts';

/** How a device is set up. */
export interface DeviceOptions {
  readonly endpoint: string;
  /** coap://127.0.0.1:5683 unless told. */
  readonly server?: string;
  /** 300 unless told. */
  readonly lifetimeS?: number;
  /** 1.1 unless told. */
  readonly version?: '1.0' | '1.1' | '1.2';
  /** U unless told. */
  readonly binding?: string;
  readonly queueMode?: boolean;
  /** In queue mode: how long after the last message the radio goes off; never by itself unless told. */
  readonly awakeMs?: number;
  readonly sms?: string;
  /** Alternate path, "/" unless told. */
  readonly rootPath?: string;
  readonly objects?: readonly ObjectSpec[];
  /** Content formats it speaks and announces; those of its version unless told. */
  readonly contentFormats?: readonly number[];
  /** CON unless told; the attribute "con" of 1.2 goes before. */
  readonly notifications?: 'con' | 'non';
  /** Whether it acts by itself: Update in time and after a new lifetime, trigger, disable, reboot. True unless told. */
  readonly automatic?: boolean;
  readonly localPort?: number;
  /** Loopback unless told, for a server elsewhere any. */
  readonly localAddress?: string;
}

/** Events of a device and what they carry. */
export interface DeviceEvents {
  registered: [location: string];
  updated: [];
  deregistered: [];
  backoff: [seconds: number];
  /** Each request of the server with the code it was answered with. */
  request: [{ operation: OperationName | 'unknown'; path: Path; code: string }];
  written: [{ path: Path; values: readonly ResourceValue[]; payload: Uint8Array }];
  executed: [{ path: Path; arguments: string }];
  created: [path: Path];
  deleted: [path: Path];
  observed: [Observation];
  cancelled: [Observation, by: 'request' | 'reset'];
  notified: [{ observation: Observation; observe: number; delivery: Delivery }];
  asleep: [];
  awake: [];
  /** Something that the device did by itself went wrong. */
  failed: [error: Error];
}

/** A notification that a test makes up. */
export type ForgedNotification = Omit<Notification, 'token'> & { readonly token?: Buffer };
