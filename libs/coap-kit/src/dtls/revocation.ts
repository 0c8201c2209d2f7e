/** Ends associations whose credentials were revoked or are over: a part of them is looked at each second, those of a device that is told of at once. */
import { Alert } from '@cluster/dtls';
import { CREDENTIALS_BELL, type ClusterStore, REVOCATION_ROUND_MS, type RevocationWatch } from '@cluster/session';

/**
 * Why an association is ended here, and the alert that tells so. With close_notify the device shakes hands again: with the
 * certificate that it has by then, or to be told in the handshake what its own is refused for.
 */
export const ENDINGS = {
  'credential-revoked': Alert.ACCESS_DENIED,
  'certificate-listed': Alert.CERTIFICATE_REVOKED,
  'certificate-over': Alert.CLOSE_NOTIFY,
  'anchor-removed': Alert.CLOSE_NOTIFY,
} as const;

interface Deps {
  readonly watch: Pick<RevocationWatch, 'round' | 'changed'>;
  readonly cluster: Pick<ClusterStore, 'onRing'>;
  /** The store's clock. */
  readonly nowMs: () => number;
  readonly end: (associations: readonly number[], why: keyof typeof ENDINGS) => void;
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

  #look(): void {
    const { watch, nowMs } = this.#deps;
    const { over, revoked } = watch.round(nowMs());
    if (over.length > 0) this.#deps.end(over, 'certificate-over');
    this.#end(revoked);
  }

  /** Where the store is away nothing is known, and nothing ends. */
  #end(revoked: Promise<number[]>): void {
    revoked.then(
      (associations) => associations.length > 0 && this.#deps.end(associations, 'credential-revoked'),
      () => undefined,
    );
  }
}
