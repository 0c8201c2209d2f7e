/** Sessions as events and REST show them. */
import type { EndpointChangedValue, EndpointView, RegistrationValue } from '@cluster/contracts';
import { presenceView } from '../presence.ts';
import { muteSendView } from '../mute-send.ts';
import { NO_PROFILE } from '../profile.ts';
import type { SessionRecord } from '../record.ts';
import { deadlineOf } from '../registration.ts';
import { observationView } from './desired-observations.ts';

/** The registration as events and REST show it. */
export function registrationValue(record: SessionRecord): RegistrationValue {
  const r = record.registration;
  return {
    endpoint: record.endpoint,
    registrationId: record.locationId,
    registeredAt: new Date(record.registeredAtMs).toISOString(),
    updatedAt: new Date(record.updatedAtMs).toISOString(),
    lifetimeS: r.lifetimeS,
    lwm2mVersion: r.lwm2mVersion,
    binding: r.binding,
    queueMode: r.queueMode,
    ...(r.smsNumber === undefined ? {} : { smsNumber: r.smsNumber }),
    address: record.address ?? record.peer,
    rootPath: r.rootPath,
    objectLinks: r.objectLinks.map((link) => ({ ...link })),
    contentFormats: [...r.contentFormats],
    attributes: { ...r.attributes },
    ...(record.disabled === undefined ? {} : { disabledUntil: new Date(record.disabled.untilMs).toISOString() }),
  };
}

/** One endpoint. One that never registered has no registration to show. */
export function endpointView(record: SessionRecord, queuedCommands: number, nowMs: number): EndpointView {
  const { labels, settings } = record.profile ?? NO_PROFILE;
  const muteSend = muteSendView(record);
  return {
    endpoint: record.endpoint,
    tenant: record.tenant,
    ...(record.state === 'provisioned' ? {} : { ...registrationValue(record), expiresAt: isoOrNever(deadlineOf(record)), owner: record.owner }),
    state: record.state,
    generation: record.generation,
    presence: presenceView(record, nowMs),
    queuedCommands,
    observations: record.observations.map(observationView),
    ...(muteSend === undefined ? {} : { muteSend }),
    labels: { ...labels },
    settings: { ...settings },
  };
}

/** What an operator keeps for the endpoint, as it stands. */
export function endpointChangedValue(record: SessionRecord): EndpointChangedValue {
  const { labels, settings } = record.profile ?? NO_PROFILE;
  return {
    endpoint: record.endpoint,
    state: record.state,
    stateAt: new Date(record.updatedAtMs).toISOString(),
    labels: { ...labels },
    settings: { ...settings },
  };
}

function isoOrNever(atMs: number): string {
  return Number.isFinite(atMs) ? new Date(atMs).toISOString() : 'never';
}
