/**
 * Mute Send (/1/x/23) as desired state: whether a client may Send, as the endpoint's settings say, written after each
 * Register. A client whose resource is true or missing Sends nothing (OMA LwM2M Core 1.1 §6.4.6, object 1).
 */
import type { CommandRequest, MuteSendView, ResourceValueJson } from '@cluster/contracts';
import { formatCode } from '@cluster/coap';
import type { SessionRecord } from './record.ts';

/** What the device said to the value of its present registration. */
export interface MuteSend {
  readonly value: boolean;
  readonly generation: number;
  readonly state: 'active' | 'refused';
  readonly code?: number;
}

/** Which of several Server instances is this server's, as far as the device told in a registration. */
export interface ServerInstance {
  readonly generation: number;
  /** Missing: it could not be told. */
  readonly instance?: number;
}

/** `find-server`: reads which Server instance is this server's; `mute-send`: writes the value. */
export interface MuteSendStep {
  readonly action: 'find-server' | 'mute-send';
  readonly value: boolean;
  readonly command: CommandRequest;
}

/** Send came with LwM2M 1.1. */
function knowsSend({ registration }: SessionRecord): boolean {
  return registration.lwm2mVersion !== '1.0';
}

/** The only instance that the client announced; of several the one that was found. `unknown`: it was not looked for yet. */
function instanceOf({ registration, serverInstance, generation }: SessionRecord): number | 'unknown' | undefined {
  const instances = registration.objectLinks.flatMap(({ path }) => /^\/1\/(\d+)$/.exec(path)?.[1] ?? []);
  if (instances.length <= 1) return instances.length === 1 ? Number(instances[0]) : undefined;
  return serverInstance?.generation === generation ? serverInstance.instance : 'unknown';
}

/** The request that is to be sent, if one is. */
export function nextMuteSendStep(record: SessionRecord): MuteSendStep | undefined {
  const value = record.profile?.settings.muteSend;
  const { muteSend, generation } = record;
  if (value === undefined || !knowsSend(record) || (muteSend?.value === value && muteSend.generation === generation)) return undefined;
  const instance = instanceOf(record);
  if (instance === undefined) return undefined;
  if (instance === 'unknown') return { action: 'find-server', value, command: { op: 'read', path: '/1' } };
  const path = `/1/${instance}/23`;
  return { action: 'mute-send', value, command: { op: 'write', path, values: [{ path, value, type: 'boolean' }] } };
}

/**
 * The session after the device answered the Read of its Server object with `values`: of the instances it lets this server
 * see, the one with `shortServerId`; where that is not known, the only one.
 */
export function serverFound(record: SessionRecord, values: readonly ResourceValueJson[], shortServerId: number | undefined): SessionRecord {
  const seen = values.flatMap(({ path, value }) => {
    const instance = /^\/1\/(\d+)\/0$/.exec(path)?.[1];
    return instance === undefined ? [] : [{ instance: Number(instance), id: value }];
  });
  const own = shortServerId === undefined ? seen : seen.filter(({ id }) => id === shortServerId);
  const [only] = own;
  const found = own.length === 1 && only !== undefined ? { instance: only.instance } : {};
  return { ...record, serverInstance: { generation: record.generation, ...found } };
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
  const reason = record.state === 'registered' ? whyNot(record) : undefined;
  return reason === undefined ? { desired, state: 'wanted' } : { desired, state: 'refused', reason };
}

function whyNot(record: SessionRecord): string | undefined {
  if (!knowsSend(record)) return 'the client speaks LwM2M 1.0, which has no Send';
  return instanceOf(record) === undefined ? "no Server instance (/1/x) of the client could be told to be this server's" : undefined;
}
