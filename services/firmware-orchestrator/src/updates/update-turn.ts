/** Turns of firmware updates. */
import { randomBytes, randomInt } from 'node:crypto';
import type { firmware } from '@cluster/lwm2m';
import { Sealer } from '@cluster/secrets';
import type { FirmwareOptions } from '../options.ts';
import { firmwareEvent } from './firmware-events.ts';
import { firmwareMachine } from './machine.ts';
import { Turn, type TurnDeps } from './turn.ts';

export class UpdateTurn extends Turn<firmware.FirmwareUpdate, firmware.FirmwareUpdate> {
  constructor(deps: TurnDeps, { baseUris, eventEncoding }: Pick<FirmwareOptions, 'baseUris' | 'eventEncoding'>) {
    super(firmwareMachine(firmwareEvent(eventEncoding), deps.links && new Sealer(deps.links, randomBytes)), deps, baseUris);
  }
}

/** An id for an update. */
export function newUpdateId(): string {
  return Array.from({ length: 12 }, () => 'abcdefghijkmnpqrstuvwxyz23456789'[randomInt(32)]).join('');
}
