/**
 * The query parameters of Register and Update: split, bounded and each parsed to its type. Transport 1.1.1 §6.4.3; names
 * are case-sensitive, the values arrive decoded (one Uri-Query option each), so "%" means itself.
 */
import { Code } from '@cluster/coap';
import type { Lwm2mVersion } from '../model/core-versions.ts';

/** Why a Register or Update is refused, and the CoAP code that says so to the client. */
export interface RegistrationFault {
  readonly ok: false;
  readonly code: number;
  /** Stable, e.g. LIFETIME_INVALID. */
  readonly fault: RegistrationFaultCode;
  readonly detail: string;
}

export type RegistrationFaultCode =
  | 'QUERY_INVALID' | 'PARAMETER_DUPLICATE' | 'PARAMETER_UNKNOWN' | 'ENDPOINT_MISSING' | 'ENDPOINT_INVALID'
  | 'LIFETIME_MISSING' | 'LIFETIME_INVALID' | 'VERSION_INVALID' | 'VERSION_UNSUPPORTED' | 'BINDING_INVALID'
  | 'QUEUE_MODE_INVALID' | 'SMS_NUMBER_INVALID' | 'PROFILE_UNKNOWN' | 'CONTENT_FORMAT_UNSUPPORTED'
  | 'OBJECT_LIST_INVALID' | 'OBJECT_LIST_MISSING' | 'PREFERRED_FORMAT_INVALID' | 'PREFERRED_FORMAT_UNSUPPORTED';

/** Builds a fault; 4.00 unless told. */
export function fault(name: RegistrationFaultCode, detail: string, code: number = Code.BAD_REQUEST): RegistrationFault {
  return { ok: false, code, fault: name, detail };
}

/** How the operator wants the cases handled that the enabler leaves open. */
export interface RegistrationPolicy {
  /** `keep`: unknown parameters become attributes of the registration; `reject`: 4.00 (Transport 1.1.1 table 6.7-2). */
  readonly unknownParameters: 'reject' | 'keep';
  /** Endpoint name that the security layer gives a client that sends none. */
  readonly identity?: string;
  /** lt=0: `infinite` registers without end (lifetimeS 0), `reject`: 4.00. Unless told, infinite for 1.2, whose clients use it so. */
  readonly zeroLifetime?: 'reject' | 'infinite';
}

/** Longest lifetime: what fits 32 bits, 136 years. Longer ones are refused. */
export const MAX_LIFETIME_S = 0xffff_ffff;
const MAX_PARAMETERS = 32;
/** RFC 7252 §5.10: Uri-Query has at most 255 bytes. */
const MAX_QUERY_LENGTH = 255;
const MAX_ATTRIBUTES = 16;

export type Parameters = ReadonlyMap<string, string | undefined>;

/** Splits queries at their first "="; a bare name has the value undefined. */
export function splitQueries(queries: readonly string[]): Parameters | RegistrationFault {
  if (queries.length > MAX_PARAMETERS) return fault('QUERY_INVALID', 'too many parameters');
  const parameters = new Map<string, string | undefined>();
  for (const query of queries) {
    if (query.length > MAX_QUERY_LENGTH) return fault('QUERY_INVALID', 'a parameter is too long');
    if (!isText(query)) return fault('QUERY_INVALID', 'a parameter holds control characters');
    const at = query.indexOf('=');
    const name = at < 0 ? query : query.slice(0, at);
    if (name === '') return fault('QUERY_INVALID', 'a parameter has no name');
    if (parameters.has(name)) return fault('PARAMETER_DUPLICATE', `${name} occurs twice`);
    parameters.set(name, at < 0 ? undefined : query.slice(at + 1));
  }
  return parameters;
}

/** Whether a parse step failed. */
export function isFault(result: object): result is RegistrationFault {
  return 'ok' in result && result.ok === false;
}

/** The endpoint name: `ep`, else the identity of the security layer (Transport 1.1.1 §5.2.6). */
export function parseEndpoint(parameters: Parameters, identity: string | undefined): { endpoint: string } | RegistrationFault {
  const endpoint = parameters.get('ep') || identity;
  if (!endpoint) return fault('ENDPOINT_MISSING', 'ep is missing and the security layer names nobody');
  if (!isText(endpoint)) return fault('ENDPOINT_INVALID', 'the endpoint name holds control characters');
  return { endpoint };
}

/** `lwm2m`. A version that isn't served is 4.12, on which clients step down to the next lower one. */
export function parseLwm2mVersion(told: string | undefined): { lwm2mVersion: Lwm2mVersion } | RegistrationFault {
  if (told === '1.0' || told === '1.1' || told === '1.2') return { lwm2mVersion: told };
  if (told === undefined || !/^\d{1,5}\.\d{1,5}(\.\d{1,5})?$/.test(told)) {
    return fault('VERSION_INVALID', 'lwm2m is no version');
  }
  return fault('VERSION_UNSUPPORTED', `LwM2M ${told} is not served`, Code.PRECONDITION_FAILED);
}

/** `lt`, seconds. */
export function parseLifetime(told: string | undefined, zero: 'reject' | 'infinite'): { lifetimeS: number } | RegistrationFault {
  const lifetimeS = told !== undefined && /^\d{1,10}$/.test(told) ? Number(told) : Number.NaN;
  if (!(lifetimeS <= MAX_LIFETIME_S)) return fault('LIFETIME_INVALID', `lt is not within 1..${MAX_LIFETIME_S}`);
  if (lifetimeS === 0 && zero === 'reject') return fault('LIFETIME_INVALID', 'lt=0 is not accepted');
  return { lifetimeS };
}

/** `b`: the transports as one letter each, and Q, which is part of it in 1.0 and which some 1.1 clients keep there. */
export function parseBinding(told: string | undefined): { binding: string; queueMode: boolean } | RegistrationFault {
  const valid = told !== undefined && /^[UTSNMHQ]{1,7}$/.test(told) && !/(.).*\1/.test(told);
  if (!valid) return fault('BINDING_INVALID', 'b is not made of U, T, S, N, M, H and Q');
  return { binding: told.replace('Q', '') || 'U', queueMode: told.includes('Q') };
}

/** `Q`, a bare flag; some clients write "Q=". */
export function parseQueueMode(parameters: Parameters): { queueMode: boolean } | RegistrationFault {
  if (parameters.get('Q')) return fault('QUEUE_MODE_INVALID', 'Q takes no value');
  return { queueMode: parameters.has('Q') };
}

/** `sms`: an MSISDN without "+" (3GPP TS 23.003); a "+" is taken off. */
export function parseSmsNumber(told: string | undefined): { smsNumber: string } | RegistrationFault {
  const digits = /^\+?(\d{1,15})$/.exec(told ?? '')?.[1];
  return digits === undefined ? fault('SMS_NUMBER_INVALID', 'sms is no MSISDN') : { smsNumber: digits };
}

/** Parameters that are not in `known`, joined to the attributes so far; at most 16, so that a client can't fill the record. */
export function otherParameters(
  parameters: Parameters,
  known: ReadonlySet<string>,
  policy: RegistrationPolicy,
  former: Readonly<Record<string, string>> = {},
): { attributes: Record<string, string> } | RegistrationFault {
  const others: [string, string][] = [];
  parameters.forEach((value, name) => {
    if (!known.has(name)) others.push([name, value ?? '']);
  });
  if (others.length === 0 && Object.keys(former).length <= MAX_ATTRIBUTES) return { attributes: { ...former } };
  if (others.length > 0 && policy.unknownParameters === 'reject') {
    return fault('PARAMETER_UNKNOWN', `unknown parameter ${others[0]?.[0]}`);
  }
  if (others.some(([name]) => name === '__proto__')) return fault('QUERY_INVALID', 'a parameter has a forbidden name');
  const attributes = { ...former, ...Object.fromEntries(others) };
  if (Object.keys(attributes).length > MAX_ATTRIBUTES) return fault('QUERY_INVALID', 'too many unknown parameters');
  return { attributes };
}

/** Whether text may go into records, events and logs: it was UTF-8 (else it holds U+FFFD) and has no control characters. */
function isText(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\uFFFD]/u.test(text);
}
