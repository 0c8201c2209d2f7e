/** What a turn needs to know of the kind of updates that it takes: of firmware, or of software. */
import type { CommandRequest } from '@cluster/contracts';
import type { EventRecord } from '@cluster/events';
import { firmware, software } from '@cluster/lwm2m';
import type { Sealer } from '@cluster/secrets';
import { opened, sealed } from './sealed-keep.ts';

/** `R`: what is stored of a device; `U`: one update in it, with a command out at most. */
export interface Machine<R, U extends firmware.Progress> {
  /** The object by which devices are updated. */
  readonly object: 'firmware' | 'software';
  decode(record: string): R;
  encode(record: R): string;
  dueMs(record: R): number | undefined;
  /** Under what it is listed. */
  stage(record: R): string | undefined;
  updates(record: R): readonly U[];
  /** The record with these updates in it, each in the place of the one with its id. */
  withUpdates(record: R, updates: readonly U[]): R;
  onTime(update: U, scene: firmware.FirmwareScene): U;
  onCommandEnd(update: U, ended: firmware.CommandEnd, atMs: number, scene: firmware.FirmwareScene): U;
  limitMs(update: U): number;
  commandId(update: string, step: number): string;
  commandOf(update: U, uri: () => string): CommandRequest | undefined;
  /** What the device pulls, and how. */
  pulled(update: U): { readonly package: string; readonly protocol: number };
  /** One transition, as it is told. */
  event(endpoint: string, update: U, transition: U['untold'][number]): EventRecord;
}

type Told<U extends firmware.Progress> = Machine<never, U>['event'];

/** `sealer`: what is exported of devices is stored sealed by it. */
export function firmwareMachine(event: Told<firmware.FirmwareUpdate>, sealer: Sealer | undefined): Machine<firmware.FirmwareUpdate, firmware.FirmwareUpdate> {
  return {
    object: 'firmware',
    decode: (record) => opened(firmware.decodeUpdate(record), sealer),
    encode: (update) => firmware.encodeUpdate(sealed(update, sealer)),
    dueMs: firmware.dueMs,
    stage: (update) => update.stage,
    updates: (update) => [update],
    withUpdates: (update, [next = update]) => next,
    onTime: firmware.onTime,
    onCommandEnd: firmware.onCommandEnd,
    limitMs: firmware.limitMs,
    commandId: firmware.firmwareCommandId,
    commandOf: firmware.commandOf,
    pulled: ({ package: { id }, by }) => ({ package: id, protocol: by?.protocol ?? 0 }),
    event,
  };
}

export function softwareMachine(event: Told<software.SoftwareOperation>): Machine<software.SoftwareRecord, software.SoftwareOperation> {
  return {
    object: 'software',
    decode: software.decodeSoftware,
    encode: software.encodeSoftware,
    dueMs: software.dueMs,
    stage: () => undefined,
    updates: ({ instances }) => instances,
    withUpdates: ({ instances }, updates) => ({ instances: instances.map((one) => updates.find(({ id }) => id === one.id) ?? one) }),
    onTime: software.onTime,
    onCommandEnd: software.onCommandEnd,
    limitMs: software.limitMs,
    commandId: software.softwareCommandId,
    commandOf: software.commandOf,
    pulled: ({ package: wanted, by }) => ({ package: wanted?.id ?? '', protocol: by?.protocol ?? 0 }),
    event,
  };
}
