/**
 * Mute Send (/1/x/23) as desired state: whether a client may Send, as the endpoint's settings say, written after each
 * Register. A client whose resource is true or missing Sends nothing (OMA LwM2M Core 1.1 §6.4.6, object 1).
 */
import type { CommandRequest, MuteSendView } from '@cluster/contracts';
import { formatCode } from '@cluster/coap';
import type { SessionRecord } from './record.ts';

/** What the device said to the value of its present registration. */
export interface MuteSend {
  readonly value: boolean;
  readonly generation: number;
  readonly state: 'active' | 'refused';
  readonly code?: number;
}

export interface MuteSendStep {
  readonly action: 'mute-send';
  readonly value: boolean;
  readonly command: CommandRequest;
}

/** Send came with LwM2M 1.1. */
function knowsSend({ registration }: SessionRecord): boolean {
  return registration.lwm2mVersion !== '1.0';
}

/** The Server instance that is this server's: the only one that the client announced; of several none can be told. */
function serverInstance({ registration }: SessionRecord): string | undefined {
  const instances = registration.objectLinks.filter(({ path }) => /^\/1\/\d+$/.test(path));
  return instances.length === 1 ? instances[0]?.path : undefined;
}

/** The Write that is to be sent, if one is. */
export function nextMuteSendStep(record: SessionRecord): MuteSendStep | undefined {
  const value = record.profile?.settings.muteSend;
  const { muteSend, generation } = record;
  if (value === undefined || (muteSend?.value === value && muteSend.generation === generation)) return undefined;
  const instance = knowsSend(record) ? serverInstance(record) : undefined;
  if (instance === undefined) return undefined;
  const path = `${instance}/23`;
  return { action: 'mute-send', value, command: { op: 'write', path, values: [{ path, value, type: 'boolean' }] } };
}

/** The session after the device answered the Write of `value`. */
export function muteSendAnswered(record: SessionRecord, value: boolean, code: number): SessionRecord {
  const taken = code >> 5 === 2;
  return { ...record, muteSend: { value, generation: record.generation, state: taken ? 'active' : 'refused', ...(taken ? {} : { code }) } };
}

/** Whether the device confirmed that it Sends nothing. */
export function isMuted({ muteSend, generation }: SessionRecord): boolean {
  return muteSend?.state === 'active' && muteSend.value && muteSend.generation === generation;
}

/** As REST shows it; undefined where nothing is desired. */
export function muteSendView(record: SessionRecord): MuteSendView | undefined {
  const desired = record.profile?.settings.muteSend;
  if (desired === undefined) return undefined;
  const { muteSend, generation } = record;
  if (muteSend?.value === desired && muteSend.generation === generation) {
    return { desired, state: muteSend.state, ...(muteSend.code === undefined ? {} : { code: formatCode(muteSend.code) }) };
  }
  if (record.state === 'registered' && !knowsSend(record)) return { desired, state: 'refused', reason: 'the client speaks LwM2M 1.0, which has no Send' };
  if (record.state === 'registered' && serverInstance(record) === undefined) {
    return { desired, state: 'refused', reason: 'the client did not announce one Server instance (/1/x), but none or several' };
  }
  return { desired, state: 'wanted' };
}
