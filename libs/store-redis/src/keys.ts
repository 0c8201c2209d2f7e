/**
 * The names of all keys. Short, since each registered device pays for them; what belongs to one device carries its
 * number as hash tag, so that it lies in one slot.
 */
import type { DeviceNumber } from '@cluster/session';

/** Keys of one set of jobs. */
export interface JobKeys {
  /** What belongs to one job lies in one slot. */
  job(id: string): string;
  jobLease(id: string): string;
  jobCounts(id: string): string;
  /** Devices of a job by name; with a bucket: the names of those in it. */
  jobDevices(id: string, bucket?: string): string;
  jobIndex(): string;
  activeJobs(): string;
}

export interface Keys extends JobKeys {
  session(number: DeviceNumber): string;
  queue(number: DeviceNumber): string;
  credentials(number: DeviceNumber): string;
  /** A name made of digests that leads to a device's credentials. */
  credentialName(name: string): string;
  /** What is sealed of a DTLS association. */
  sealed(name: string): string;
  /** What moves of the DTLS association that a device has. */
  associationSlot(number: DeviceNumber): string;
  endpoint(endpoint: string): string;
  address(peer: string): string;
  alarms(shard: number): string;
  lease(worker: string): string;
  doorbell(worker: string): string;
  sweep(shard: number): string;
  outages(): string;
  /** A set of operators' documents. */
  documents(set: string): string;
  /** The node that holds this key tells the time of the whole cluster. */
  clock(): string;
  /** Written to see whether a node takes writes. */
  probe(index: number): string;
  /** Endpoint → state and time, of one part of the directory. */
  directory(part: number): string;
  /** All endpoints of one part of the directory, or those in one state. */
  directoryIndex(part: number, state?: string): string;
  /** Endpoint → its labels and their time, of one part of the directory; with a label: the endpoints that have it. */
  labels(part: number, label?: string): string;
  values(endpoint: string): string;
  /** What waits for the devices of a tenant. */
  waiting(tenant: string): string;
  groups(): string;
  /** Campaigns of firmware are kept as jobs are. */
  readonly campaigns: JobKeys;
  /** The update of an endpoint, of its firmware or software; when those of a part are due; the stage of each; those in a stage, or all. */
  update(kind: UpdateKind, part: number, endpoint: string): string;
  updatesDue(kind: UpdateKind, part: number): string;
  updateStages(kind: UpdateKind, part: number): string;
  updateIndex(kind: UpdateKind, part: number, stage?: string): string;
  /** Serial → issued certificate, of one part of them; what is revoked of it; its order by their ends. */
  certificates(part: number): string;
  revocations(part: number): string;
  certificateEnds(part: number): string;
  /** The serials of an endpoint's certificates. */
  certificatesOf(endpoint: string): string;
  /** Bootstrap sessions of an endpoint. */
  bootstrapSessions(endpoint: string): string;
  /** Summaries of all bootstrap sessions, or of those with one outcome. */
  bootstrapSummaries(outcome?: string): string;
  /** Bootstrap sessions under way. */
  openBootstrapSessions(): string;
}

/** Of whose updates. */
export type UpdateKind = 'firmware' | 'software';
const LETTERS = { firmware: 'f', software: 'fw' } as const;

export function keysUnder(prefix: string): Keys {
  const p = `${prefix}:`;
  return {
    session: (number) => `${p}s:{${number}}`,
    queue: (number) => `${p}q:{${number}}`,
    credentials: (number) => `${p}k:{${number}}`,
    credentialName: (name) => `${p}i:${name}`,
    sealed: (name) => `${p}x:${name}`,
    associationSlot: (number) => `${p}y:{${number}}`,
    endpoint: (endpoint) => `${p}e:${endpoint}`,
    address: (peer) => `${p}a:${peer}`,
    alarms: (shard) => `${p}t:${shard}`,
    lease: (worker) => `${p}w:${worker}`,
    doorbell: (worker) => `${p}d:${worker}`,
    sweep: (shard) => `${p}h:${shard}`,
    outages: () => `${p}o`,
    documents: (set) => `${p}n:${set}`,
    clock: () => `${p}c`,
    probe: (index) => `${p}p:${index}`,
    directory: (part) => `${p}r:{${part}}`,
    directoryIndex: (part, state) => (state === undefined ? `${p}r:{${part}}:` : `${p}r:{${part}}:${state}`),
    labels: (part, label = '') => `${p}l:{${part}}:${label}`,
    ...jobKeys(`${p}j`),
    groups: () => `${p}g`,
    campaigns: jobKeys(`${p}m`),
    update: (kind, part, endpoint) => `${p}${LETTERS[kind]}:{${part}}:${endpoint}`,
    updatesDue: (kind, part) => `${p}${LETTERS[kind]}:{${part}}`,
    updateStages: (kind, part) => `${p}${LETTERS[kind]}s:{${part}}`,
    updateIndex: (kind, part, stage = '') => `${p}${LETTERS[kind]}x:{${part}}:${stage}`,
    certificates: (part) => `${p}z:{${part}}`,
    revocations: (part) => `${p}z:{${part}}:r`,
    certificateEnds: (part) => `${p}z:{${part}}:e`,
    certificatesOf: (endpoint) => `${p}zo:${endpoint}`,
    bootstrapSessions: (endpoint) => `${p}b:${endpoint}`,
    bootstrapSummaries: (outcome = '') => `${p}bx:${outcome}`,
    openBootstrapSessions: () => `${p}bo`,
    values: (endpoint) => `${p}v:${endpoint}`,
    waiting: (tenant) => `${p}u:${tenant}`,
  };
}

function jobKeys(p: string): JobKeys {
  return {
    job: (id) => `${p}:{${id}}`,
    jobLease: (id) => `${p}:{${id}}:l`,
    jobCounts: (id) => `${p}:{${id}}:n`,
    jobDevices: (id, bucket) => (bucket === undefined ? `${p}:{${id}}:d` : `${p}:{${id}}:d:${bucket}`),
    jobIndex: () => `${p}x`,
    activeJobs: () => `${p}a`,
  };
}
