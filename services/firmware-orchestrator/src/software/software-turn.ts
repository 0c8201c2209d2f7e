/** Turns of software operations. */
import type { software } from '@cluster/lwm2m';
import type { FirmwareOptions } from '../options.ts';
import { softwareEvent } from '../updates/firmware-events.ts';
import { softwareMachine } from '../updates/machine.ts';
import { Turn, type TurnDeps } from '../updates/turn.ts';

export class SoftwareTurn extends Turn<software.SoftwareRecord, software.SoftwareOperation> {
  constructor(deps: TurnDeps, { baseUris, eventEncoding }: Pick<FirmwareOptions, 'baseUris' | 'eventEncoding'>) {
    super(softwareMachine(softwareEvent(eventEncoding)), deps, baseUris);
  }
}
