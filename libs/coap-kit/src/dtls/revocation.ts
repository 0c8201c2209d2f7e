/** Ends associations whose credentials were revoked or are over: a part of them is looked at each second, those of a device that is told of at once. */
import { Alert } from '@cluster/dtls';
import { CREDENTIALS_BELL, type ClusterStore, REVOCATION_ROUND_MS, type RevocationWatch } from '@cluster/session';

interface Deps {
  readonly watch: Pick<RevocationWatch, 'round' | 'changed'>;
  readonly cluster: Pick<ClusterStore, 'onRing'>;
  /** The store's clock. */
  readonly nowMs: () => number;
  /** `alert` tells the device why. */
  readonly close: (associations: readonly number[], alert: number) => void;
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
    this.#timer ??= setInterval(() => this.#look(), REVOCATION_ROUND_MS).unref();
    this.#unring ??= await cluster.onRing(CREDENTIALS_BELL, (number) => this.#end(watch.changed(number, nowMs())));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#unring?.();
  }

  /** A device whose certificate is over shakes hands again with the one that it has now: the handshake tells it, if that is over too. */
  #look(): void {
    const { watch, nowMs } = this.#deps;
    const { over, revoked } = watch.round(nowMs());
    if (over.length > 0) this.#deps.close(over, Alert.CLOSE_NOTIFY);
    this.#end(revoked);
  }

  /** Where the store is away nothing is known, and nothing ends. */
  #end(revoked: Promise<number[]>): void {
    revoked.then(
      (associations) => associations.length > 0 && this.#deps.close(associations, Alert.ACCESS_DENIED),
      () => undefined,
    );
  }
}
