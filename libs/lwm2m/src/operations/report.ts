/** What devices report, in the JSON of events and REST: notifications, answers to reads, and Send. */
import { formatPath, type Path } from '../path.ts';
import { decodeContent } from '../content/content.ts';
import { toJsonValue } from '../content/json-value.ts';
import { ContentFormat } from '../content/format.ts';
import type { ResourceValueJson } from '@cluster/contracts';
import type { ResourceLookup, ResourceValue } from '../values.ts';
import type { DeviceContext } from './device-context.ts';

export interface Report {
  readonly values: ResourceValueJson[];
  /** Why the payload could not be decoded. */
  readonly decodeError?: string;
}

/**
 * Decodes the body of a notification, an answer or a Send. `base`: the path that was asked for; none or several: the
 * paths stand in the payload. By the format that arrived, never by the one asked for (Core 1.2 §7.4); a single resource
 * without a format is text. `nowS`: what relative times of SenML refer to.
 */
export function readReport(
  payload: Uint8Array,
  contentFormat: number | undefined,
  base: readonly Path[],
  device: DeviceContext,
  nowS?: number,
): Report {
  const path = base.length === 1 ? (base[0] ?? []) : [];
  // Transport 1.1.1 §6.4.4: an object without instances reads as empty, in whatever format.
  if (payload.length === 0 && path.length < 3) return { values: [] };
  const format = contentFormat ?? (path.length >= 3 ? ContentFormat.TEXT : undefined);
  if (format === undefined) return { values: [], decodeError: 'the payload has no content format' };
  const options = { root: device.rootPath, ...(nowS !== undefined && { nowS }) };
  const decoded = decodeContent(format, payload, path, device.lookup, options);
  if (!decoded.ok) return { values: [], decodeError: decoded.detail };
  return { values: decoded.values.map((value) => reportedValue(value, device.lookup, nowS)) };
}

/** How far a device's clock may run ahead before its times are marked. */
const FUTURE_TOLERANCE_S = 300;

/** A value as JSON, with the unit of the object model. A time far ahead of `nowS` is kept as it is, and marked. */
function reportedValue(value: ResourceValue, lookup: ResourceLookup, nowS = Infinity): ResourceValueJson {
  const [object, , resource] = value.path;
  const unit = object === undefined || resource === undefined ? undefined : lookup(object, resource)?.unit;
  return {
    path: formatPath(value.path),
    value: toJsonValue(value),
    type: value.type,
    ...(unit !== undefined && { unit }),
    ...(value.time !== undefined && { time: value.time }),
    ...(value.time !== undefined && value.time > nowS + FUTURE_TOLERANCE_S && { timeSuspect: true }),
  };
}
