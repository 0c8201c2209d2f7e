/**
 * The worker's lease in the store, and its reading of the store's clock. While the lease holds on the monotonic clock,
 * no other worker takes this one for dead; a worker that can't renew it sends no request.
 */
import type { ClusterStore } from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { WorkerClock } from '@cluster/coap-kit';

const RENEW_EVERY_MS = 2_000;
const LEASE_MS = 10_000;
/** The store counts the lease from when it got the request, the worker from when it sent it; this is for their clocks' drift. */
const MARGIN_MS = 1_000;
/** Renewals that came later than this were kept from coming: an outage. */
const LATE_MS = 3 * RENEW_EVERY_MS;
/** The store's clock moves against the monotonic one by this much only if somebody set it. */
const JUMP_MS = 2_000;

export class WorkerLease {
  readonly #cluster: ClusterStore;
  readonly #clock: WorkerClock;
  readonly #worker: string;
  readonly #log: Logger;
  #holdsUntilMs = 0;
  #renewedMs: number | undefined;
  #recoveredMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: { cluster: ClusterStore; clock: WorkerClock; worker: string; log: Logger }) {
    this.#cluster = deps.cluster;
    this.#clock = deps.clock;
    this.#worker = deps.worker;
    this.#log = deps.log;
  }

  /** Takes the lease, and keeps it until {@link stop}. */
  async start(): Promise<void> {
    await this.#renew();
    this.#timer = setInterval(() => void this.#renew().catch(() => undefined), RENEW_EVERY_MS);
  }

  holds(): boolean {
    return this.#clock.monotonicMs() < this.#holdsUntilMs;
  }

  /** For how long the store has been answering without a break. */
  steadyForMs(): number {
    return this.holds() ? this.#clock.monotonicMs() - this.#recoveredMs : 0;
  }

  /** A part of the store went away or came back, which the lease itself may not have felt. */
  disturbed(): void {
    this.#recoveredMs = this.#clock.monotonicMs();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#holdsUntilMs = 0;
    await this.#cluster.releaseLease(this.#worker).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const askedMs = this.#clock.monotonicMs();
    const storeMs = await this.#cluster.renewLease(this.#worker, LEASE_MS);
    const movedMs = this.#clock.correct(storeMs, askedMs);
    this.#holdsUntilMs = askedMs + LEASE_MS - MARGIN_MS;
    await this.#account(askedMs, storeMs, movedMs);
    this.#renewedMs = askedMs;
  }

  /** Reports what kept the renewal from coming. If that fails, the next renewal is later still, and reports again. */
  async #account(askedMs: number, storeMs: number, movedMs: number): Promise<void> {
    // Who joins knows of no outage that others have yet to report.
    if (this.#renewedMs === undefined) this.#recoveredMs = this.#clock.monotonicMs();
    const lateMs = askedMs - (this.#renewedMs ?? askedMs) - RENEW_EVERY_MS;
    if (lateMs > LATE_MS) await this.#report(storeMs - lateMs, storeMs, 'the store was away');
    else if (this.#renewedMs !== undefined && movedMs > JUMP_MS) await this.#report(storeMs - movedMs, storeMs, "the store's clock jumped");
  }

  /** Nobody's registration runs out for a time in which the device could not be heard. */
  async #report(fromMs: number, toMs: number, what: string): Promise<void> {
    this.#recoveredMs = this.#clock.monotonicMs();
    this.#log.warn({ seconds: Math.round((toMs - fromMs) / 1_000) }, what);
    await this.#cluster.reportOutage({ fromMs, toMs });
  }
}
