/** Ends associations whose credentials were revoked: a part of them is looked at each second, those of a device that is told of at once. */
import { CREDENTIALS_BELL, type ClusterStore, REVOCATION_ROUND_MS, type RevocationWatch } from '@cluster/session';

interface Deps {
  readonly watch: RevocationWatch;
  readonly cluster: Pick<ClusterStore, 'onRing'>;
  /** The store's clock. */
  readonly nowMs: () => number;
  readonly close: (associations: readonly number[]) => void;
}

export class Revocation {
  readonly #deps: Deps;
  #timer: NodeJS.Timeout | undefined;
  #unring: (() => Promise<void>) | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Rejects while the store is away; the rounds begin all the same. */
  async start(): Promise<void> {
    const { watch, cluster, nowMs } = this.#deps;
    this.#timer ??= setInterval(() => this.#end(watch.round(nowMs())), REVOCATION_ROUND_MS).unref();
    this.#unring ??= await cluster.onRing(CREDENTIALS_BELL, (number) => this.#end(watch.changed(number, nowMs())));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#unring?.();
  }

  /** Where the store is away nothing is known, and nothing ends. */
  #end(revoked: Promise<number[]>): void {
    revoked.then(
      (associations) => associations.length > 0 && this.#deps.close(associations),
      () => undefined,
    );
  }
}
