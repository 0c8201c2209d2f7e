/** Event building and the ports through which events leave and enter the cluster. */
export * from './ports.ts';
export { EventTooLarge, MAX_RECORD_BYTES, batchBytes, recordBytes } from './limits.ts';
export { eventId, type EventIdParts } from './event-id.ts';
export { buildEvent, contentTypes, type EventDraft, type EventEncoding } from './build-event.ts';
export { readCloudEvent, readEvent, type CloudEvent, type ClusterEvent, type EventFault, type ReadResult } from './read-event.ts';
export { RecentIds, SAME_EVENT_MS, type RecentIdsOptions } from './recent-ids.ts';
