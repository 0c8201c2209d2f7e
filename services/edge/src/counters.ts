/** What the edge counts. Each count on the hot path is one array add. */
import type { Counter, Metrics } from '@cluster/telemetry';
import type { RefusalCause } from './refusal-causes.ts';

export class EdgeCounters {
  readonly registered: Counter;
  readonly updated: Counter;
  readonly notifications: Counter;
  readonly sends: Counter;
  readonly mutedSends: Counter;
  readonly requests: Counter;
  readonly lostHints: Counter;
  readonly blocksServed: Counter;
  readonly failures: Counter;
  readonly #metrics: Metrics;
  readonly #refused = new Map<string, Counter>();
  readonly #refusedSteps = new Map<RefusalCause, Counter>();
  readonly #unanswered = new Map<string, Counter>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    const accepted = (operation: string) =>
      metrics.counter('lwm2m_uplink_accepted_total', 'Messages of devices that were acknowledged, by operation', { operation });
    this.registered = accepted('register');
    this.updated = accepted('update');
    this.notifications = accepted('notification');
    this.sends = accepted('send');
    this.mutedSends = metrics.counter('lwm2m_muted_sends_total', 'Sends of devices that had confirmed to be mute; they are taken all the same');
    this.requests = metrics.counter('lwm2m_downlink_requests_total', 'Requests sent to devices');
    this.lostHints = metrics.counter('lwm2m_address_hints_lost_total', 'Addresses that could not be put into the address index');
    this.blocksServed = metrics.counter('lwm2m_firmware_blocks_served_total', 'Blocks of packages that devices fetched');
    this.failures = metrics.counter('lwm2m_edge_failures_total', 'Work that was put off because of an unexpected fault');
  }

  /** A message of a device that was refused. Both labels come from this program, never from the network. */
  refused(operation: string, reason: string): void {
    const key = `${operation} ${reason}`;
    let counter = this.#refused.get(key);
    if (counter === undefined) {
      counter = this.#metrics.counter('lwm2m_uplink_refused_total', 'Messages of devices that were refused', { operation, reason });
      this.#refused.set(key, counter);
    }
    counter.add(1);
  }

  /** A step on a device that was refused, of a message or of our own. */
  refusedStep(cause: RefusalCause): void {
    let counter = this.#refusedSteps.get(cause);
    if (counter === undefined) {
      counter = this.#metrics.counter('lwm2m_refused_steps_total', 'Steps on devices that were refused, and messages with them, by cause', { cause });
      this.#refusedSteps.set(cause, counter);
    }
    counter.add(1);
  }

  /** A request that ended without an answer. */
  unanswered(reason: string): void {
    let counter = this.#unanswered.get(reason);
    if (counter === undefined) {
      counter = this.#metrics.counter('lwm2m_downlink_unanswered_total', 'Requests that no device answered', { reason });
      this.#unanswered.set(reason, counter);
    }
    counter.add(1);
  }
}
