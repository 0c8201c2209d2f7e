/** How a LwM2M value looks in JSON, in every event and REST answer. */
import { z } from 'zod';

/** Data types of OMA LwM2M Core 1.1 appendix C; `unknown` marks a resource that no loaded object definition names. */
export const valueType = z.enum([
  'string', 'integer', 'unsigned', 'float', 'boolean', 'opaque', 'time', 'objlnk', 'corelnk', 'unknown',
]);
export type ValueType = z.infer<typeof valueType>;

/**
 * One value. Integers beyond ±(2^53−1) are decimal strings, so that no reader loses digits; opaque is base64;
 * time is seconds since 1970; objlnk is "object:instance".
 */
export const jsonValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type JsonValue = z.infer<typeof jsonValue>;

export const resourceValue = z.object({
  path: z.string().describe('absolute path without alternate path, e.g. /3/0/7/0'),
  value: jsonValue,
  type: valueType,
  unit: z.string().optional(),
  time: z.number().optional().describe("the device's own time of this value, seconds since 1970, as it told it"),
  timeSuspect: z.literal(true).optional().describe('the time lies more than 300 s after its receipt: the clock of the device is wrong'),
});
export type ResourceValueJson = z.infer<typeof resourceValue>;
