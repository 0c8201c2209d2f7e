/** Keeps the audit log: a line of the process's own log at once, and an event on lwm2m.audit as soon as the broker takes it. */
import { randomUUID } from 'node:crypto';
import { type AuditValue, DEFAULT_TENANT, eventTypes, topics } from '@cluster/contracts';
import { buildEvent, type EventPublisher, type EventRecord } from '@cluster/events';
import type { Log } from '../logger.ts';

/** Entries that wait while the broker is away; beyond them the oldest is only in the log. */
const MOST_WAITING = 10_000;
const RETRY_MS = 1_000;

export interface AuditLogDeps {
  readonly log: Pick<Log, 'info'>;
  readonly publisher: Pick<EventPublisher, 'publish'>;
  readonly service: string;
  /** Told of an entry that the topic will not have. */
  readonly dropped: () => void;
}

export class AuditLog {
  readonly #deps: AuditLogDeps;
  #waiting: EventRecord[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: AuditLogDeps) {
    this.#deps = deps;
  }

  readonly keep = (entry: AuditValue): void => {
    const { log, service, dropped } = this.#deps;
    log.info({ audit: entry }, 'audit');
    this.#waiting.push(buildEvent({
      topic: topics.audit, type: eventTypes.audited, id: randomUUID(), source: `/lwm2m/${service}`,
      endpoint: entry.parameters['endpoint'] ?? entry.caller, tenant: DEFAULT_TENANT, timeMs: Date.parse(entry.at),
      generation: 0, fence: 0, sessionVersion: 0, data: entry,
    }));
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.shift();
      dropped();
    }
    this.#sending ??= this.#send();
  };

  /** Tries once more to tell what waits. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#sending;
    if (this.#waiting.length > 0) await this.#deps.publisher.publish(this.#waiting).catch(() => undefined);
  }

  async #send(): Promise<void> {
    await Promise.resolve(); // takes what comes in the same turn
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#deps.publisher.publish(batch);
      } catch {
        this.#waiting = [...batch, ...this.#waiting];
        this.#timer = setTimeout(() => (this.#sending ??= this.#send()), RETRY_MS).unref();
        break;
      }
    }
    this.#sending = undefined;
  }
}
