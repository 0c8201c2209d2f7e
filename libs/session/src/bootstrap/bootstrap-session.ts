/**
 * One bootstrap session from the answer to the client's request to Bootstrap-Finish: one command at a time, each after the
 * answer to the one before. No I/O: whoever drives it sends what {@link BootstrapSession.next} says and tells what came.
 * OMA LwM2M Core 1.1 §6.1.7, Transport 1.1.1 §6.4.2.
 *
 * Pinned where the sources leave it open: a client that refuses Discover is written to without · a refused Delete on the
 * root is tried on /0 and /1 · a Delete that meets nothing (4.04) is done · after a refused Delete or Write nothing more is
 * changed, but Finish is sent, so that the client need not wait · 4.06 at Finish leads to one more round of writes · what
 * a Bootstrap-Read meets is only noted.
 */
import { Code, formatCode, isSuccess } from '@cluster/coap';
import type { BootstrapFailure } from '@cluster/contracts';
import {
  type BootstrapCommand, bootstrapDelete, bootstrapDiscover, bootstrapFinish, bootstrapRead, bootstrapWrite, ContentError, ContentFormat, decodeContent,
  describeInstances, type Discovered, formatPath, type Lwm2mVersion, type ObjectModel, parseDiscovered, parsePath, type Path, type ResourceLookup, type ResourceValue,
} from '@cluster/lwm2m';
import type { Provision, ProvisionedInstance } from './bootstrap-desk.ts';
import { plannedDeletes } from './deletes.ts';
import { FlightRecord, type SessionHead } from './flight-record.ts';
import { placedWrites } from './placed-writes.ts';
import { redacted } from './redacted.ts';

export interface BootstrapAnswer {
  readonly code: number;
  readonly contentFormat?: number | undefined;
  readonly payload: Uint8Array;
}

export type BootstrapNext =
  | { readonly kind: 'request'; readonly command: BootstrapCommand; /** Until the session has to be over. */ readonly leftMs: number }
  | { readonly kind: 'ended' };

interface WriteTask {
  readonly kind: 'write';
  readonly write: ProvisionedInstance;
}

type Task =
  | { readonly kind: 'discover' | 'delete' | 'read'; readonly path: Path }
  | WriteTask
  | { readonly kind: 'finish' };

export interface BootstrapSessionOptions {
  readonly head: SessionHead;
  readonly provision: Provision;
  /** `pct`. */
  readonly preferredFormat?: number | undefined;
  readonly model: Pick<ObjectModel, 'lookup'>;
  readonly startedAtMs: number;
}

/** The client gives up EXCHANGE_LIFETIME (247 s) after its request without a Finish; some of it is for the way. Core 1.1 §6.1.7.6 */
export const BOOTSTRAP_SESSION_MS = 240_000;
const ROOT: Path = [];
const { SENML_CBOR, SENML_JSON, TLV } = ContentFormat;

export class BootstrapSession {
  readonly record: FlightRecord;
  readonly #options: BootstrapSessionOptions;
  #tasks: Task[];
  #current: Task | undefined;
  #writes: readonly ProvisionedInstance[];
  #discovered: Discovered | undefined;
  #lookup: ResourceLookup;
  /** Formats for writes, the best first; what a client refuses goes. */
  #formats: readonly number[];
  #repaired = false;
  #fault: { readonly reason: BootstrapFailure; readonly detail: string } | undefined;
  #over = false;

  constructor(options: BootstrapSessionOptions) {
    this.#options = options;
    const { provision, preferredFormat, model, head, startedAtMs } = options;
    this.record = new FlightRecord(head, startedAtMs);
    this.#writes = provision.writes;
    const version = preferredFormat === undefined ? '1.0' : '1.1';
    this.#formats = writeFormats(version, preferredFormat);
    this.#lookup = model.lookup(new Map(), version);
    this.#tasks = provision.discoverFirst ? [{ kind: 'discover', path: ROOT }] : this.#plan();
  }

  /** What to send now, once; or that the session is over. */
  next(nowMs: number): BootstrapNext {
    while (!this.#over) {
      const leftMs = this.#options.startedAtMs + BOOTSTRAP_SESSION_MS - nowMs;
      if (leftMs <= 0) this.#end(nowMs, { reason: 'too-late', detail: 'the session took longer than a client waits' });
      else {
        const task = this.#tasks.shift() ?? { kind: 'finish' };
        const command = this.#command(task, nowMs);
        if (command === undefined) continue;
        this.#current = task;
        return { kind: 'request', command, leftMs };
      }
    }
    return { kind: 'ended' };
  }

  /** The answer to what {@link next} said. */
  answered(answer: BootstrapAnswer, nowMs: number): void {
    const task = this.#current;
    if (task === undefined || this.#over) return;
    this.#current = undefined;
    if (task.kind === 'discover') return this.#discoveredAll(answer, nowMs);
    this.record.answered(answer.code, nowMs, task.kind === 'read' ? this.#readBack(answer, task.path) : undefined);
    if (task.kind === 'finish') return this.#finished(answer.code, nowMs);
    if (task.kind === 'read' || isSuccess(answer.code)) return;
    if (task.kind === 'write') this.#writeRefused(task, answer.code);
    else this.#deleteRefused(task.path, answer.code);
  }

  /** No answer came, or none that can be used; `silent`: the device is not there any more. */
  failed(failure: string, silent: boolean, nowMs: number): void {
    const task = this.#current;
    if (task === undefined || this.#over) return;
    this.#current = undefined;
    this.record.unanswered(failure, nowMs);
    if (silent) return this.#end(nowMs, { reason: failure === 'reset' ? 'reset' : 'no-answer', detail: `${task.kind}: ${failure}` });
    if (task.kind === 'discover') this.#undiscovered();
    else if (task.kind === 'finish') this.#end(nowMs, { reason: 'exchange-failed', detail: `finish: ${failure}` });
    else if (task.kind !== 'read') this.#giveUp('exchange-failed', `${task.kind}: ${failure}`);
  }

  /** Nothing more is sent. `replaced`: the device asked anew, and another session goes on; `cut`: whoever drives it ends. */
  stopped(outcome: 'replaced' | 'cut', nowMs: number): void {
    if (this.#over) return;
    this.#over = true;
    this.record.ended(outcome, nowMs);
  }

  #command(task: Task, nowMs: number): BootstrapCommand | undefined {
    if (task.kind === 'write') return this.#write(task.write, nowMs);
    const command = task.kind === 'finish' ? bootstrapFinish()
      : task.kind === 'discover' ? bootstrapDiscover(task.path)
      : task.kind === 'delete' ? bootstrapDelete(task.path)
      : bootstrapRead(task.path, this.#formats[0]!);
    this.record.sent(command, nowMs);
    return command;
  }

  #write({ path, resources }: ProvisionedInstance, nowMs: number): BootstrapCommand | undefined {
    const base = parsePath(path) ?? ROOT;
    const values = resources.map((resource): ResourceValue => ({
      path: [...base, resource.id, ...(resource.instance === undefined ? [] : [resource.instance])], type: resource.type, value: resource.value,
    }));
    for (const format of [...this.#formats]) {
      try {
        const command = bootstrapWrite(base, values, format, this.#lookup);
        this.record.sent(command, nowMs, redacted(values, this.#lookup));
        return command;
      } catch (error) {
        if (!(error instanceof ContentError)) throw error;
        if (format === this.#formats.at(-1)) this.#giveUp('write-impossible', `${path}: ${error.message}`);
      }
    }
    return undefined;
  }

  #discoveredAll({ code, payload }: BootstrapAnswer, nowMs: number): void {
    const result = isSuccess(code) ? parseDiscovered(payload) : undefined;
    if (result?.ok !== true) {
      this.record.answered(code, nowMs, result === undefined ? {} : { detail: result.detail });
      return this.#undiscovered();
    }
    const { discovered } = result;
    this.record.answered(code, nowMs, { instances: describeInstances(discovered).slice(0, MAX_INSTANCES_SHOWN), bytes: payload.length });
    if (this.#discovered !== undefined) return; // the second one only shows what became of it
    this.#discovered = discovered;
    this.#tell(discovered.version, discovered.objectVersions);
    this.#tasks = this.#plan();
  }

  /** What the client has stays unknown; whatever was planned already goes on. */
  #undiscovered(): void {
    if (this.#discovered === undefined) this.#tasks = this.#plan();
  }

  /** The client said what it is. */
  #tell(version: Lwm2mVersion | undefined, objectVersions: ReadonlyMap<number, string>): void {
    const { preferredFormat, model } = this.#options;
    const known = version ?? (preferredFormat === undefined ? '1.0' : '1.1');
    if (version !== undefined) this.record.version(version);
    this.#formats = writeFormats(known, preferredFormat);
    this.#lookup = model.lookup(objectVersions, known);
  }

  /** All that is left to do, once it is known what the client has, or that it does not tell. */
  #plan(): Task[] {
    const { provision } = this.#options;
    this.#writes = placedWrites(provision.writes, this.#discovered);
    const deletes = plannedDeletes(provision, this.#discovered);
    const reads = provision.readBack.map(parsePath).filter((path) => path !== undefined);
    return [
      ...deletes.map((path): Task => ({ kind: 'delete', path })),
      ...this.#writes.map((write): Task => ({ kind: 'write', write })),
      ...reads.map((path): Task => ({ kind: 'read', path })),
      // Whoever reads back what was written also sees what else is there.
      ...(reads.length > 0 && this.#discovered !== undefined ? [{ kind: 'discover', path: ROOT } as const] : []),
      { kind: 'finish' },
    ];
  }

  #deleteRefused(path: Path, code: number): void {
    if (code === Code.NOT_FOUND) return;
    if (path.length > 0) return this.#giveUp('delete-refused', `${formatPath(path)}: ${formatCode(code)}`);
    this.#tasks.unshift({ kind: 'delete', path: [0] }, { kind: 'delete', path: [1] });
  }

  #writeRefused(task: WriteTask, code: number): void {
    const otherFormat = code === Code.UNSUPPORTED_CONTENT_FORMAT || code === Code.NOT_ACCEPTABLE;
    if (!otherFormat || this.#formats.length === 1) return this.#giveUp('write-refused', `${task.write.path}: ${formatCode(code)}`);
    this.#formats = this.#formats.slice(1);
    this.#tasks.unshift(task);
  }

  #readBack({ code, contentFormat, payload }: BootstrapAnswer, path: Path) {
    if (!isSuccess(code) || contentFormat === undefined) return {};
    const decoded = decodeContent(contentFormat, payload, path, this.#lookup);
    const told = { contentFormat, bytes: payload.length };
    return decoded.ok ? { ...told, values: redacted(decoded.values.slice(0, MAX_VALUES_SHOWN), this.#lookup) } : { ...told, detail: decoded.detail };
  }

  #finished(code: number, nowMs: number): void {
    if (isSuccess(code)) return this.#end(nowMs, this.#fault);
    if (this.#fault !== undefined) return this.#end(nowMs, this.#fault);
    if (code !== Code.NOT_ACCEPTABLE) return this.#end(nowMs, { reason: 'finish-refused', detail: formatCode(code) });
    // OMA LwM2M Core 1.1 §6.1.7.6: the client found its configuration inconsistent.
    if (this.#repaired) return this.#end(nowMs, { reason: 'inconsistent', detail: 'the client finds its configuration inconsistent, also after all was written again' });
    this.#repaired = true;
    this.#tasks = [...this.#writes.map((write): Task => ({ kind: 'write', write })), { kind: 'finish' }];
  }

  /** Changes nothing more, and lets the client go. */
  #giveUp(reason: BootstrapFailure, detail: string): void {
    this.#fault = { reason, detail };
    this.#tasks = [{ kind: 'finish' }];
  }

  #end(nowMs: number, fault: { readonly reason: BootstrapFailure; readonly detail: string } | undefined): void {
    this.#over = true;
    this.#tasks = [];
    this.record.ended(fault === undefined ? 'finished' : 'failed', nowMs, fault);
  }
}

const MAX_INSTANCES_SHOWN = 200;
const MAX_VALUES_SHOWN = 200;

/** The format that the client asked for, then what clients of its enabler have. OMA LwM2M Core 1.1 §6.1.7.1, 1.2 §7.4 */
function writeFormats(version: Lwm2mVersion, preferred: number | undefined): readonly number[] {
  const usual = version === '1.0' ? [TLV] : version === '1.1' ? [TLV, SENML_CBOR, SENML_JSON] : [SENML_CBOR, TLV, SENML_JSON];
  return preferred === undefined ? usual : [preferred, ...usual.filter((format) => format !== preferred)];
}
