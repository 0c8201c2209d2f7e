/** Events on lwm2m.firmware, one for each stage that an update enters. */
import { eventTypes, type EventType, type FirmwareChangedValue, type SoftwareChangedValue, topics } from '@cluster/contracts';
import { buildEvent, type EventEncoding, type EventRecord } from '@cluster/events';
import { campaignOfUpdate } from '@cluster/fleet';
import type { firmware, software } from '@cluster/lwm2m';

/** One for all replicas: a transition that is told again has the same source and id. */
export const SOURCE = '/lwm2m/firmware';

type Transition = firmware.Progress['untold'][number];

/** The event of a firmware update's transition. */
export function firmwareEvent(encoding: EventEncoding) {
  return (endpoint: string, update: firmware.FirmwareUpdate, transition: firmware.FirmwareUpdate['untold'][number]): EventRecord => {
    const { id, package: { id: wanted, version } } = update;
    const campaign = campaignOfUpdate(id)?.campaign;
    const data: FirmwareChangedValue = {
      endpoint, update: id, package: wanted, version, stage: transition.stage, ...fromOf(transition), ...valueOf(transition),
      ...(campaign === undefined ? {} : { campaign }),
    };
    return record(eventTypes.firmwareChanged, endpoint, id, transition, data, encoding);
  };
}

/** The event of a transition of a software. */
export function softwareEvent(encoding: EventEncoding) {
  return (endpoint: string, operation: software.SoftwareOperation, transition: software.SoftwareOperation['untold'][number]): EventRecord => {
    const { id, instance, package: wanted } = operation;
    const about = wanted === undefined ? {} : { package: wanted.id, version: wanted.version };
    const data: SoftwareChangedValue = { endpoint, instance, operation: id, ...about, stage: transition.stage, ...fromOf(transition), ...valueOf(transition) };
    return record(eventTypes.softwareChanged, endpoint, id, transition, data, encoding);
  };
}

function valueOf({ atMs, reason, result, failure }: Transition) {
  return { at: new Date(atMs).toISOString(), reason, ...(result === undefined ? {} : { result }), ...(failure === undefined ? {} : { failure }) };
}

function fromOf<S>({ from }: { readonly from?: S | undefined }): { from?: S } {
  return from === undefined ? {} : { from };
}

function record(type: EventType, endpoint: string, id: string, { sequence, atMs }: Transition, data: object, encoding: EventEncoding): EventRecord {
  return buildEvent({
    topic: topics.firmware, type, id: `${id}.${sequence}`, source: SOURCE, endpoint, data,
    timeMs: atMs, encoding, tenant: 'default', generation: 0, fence: 0, sessionVersion: sequence,
  });
}
