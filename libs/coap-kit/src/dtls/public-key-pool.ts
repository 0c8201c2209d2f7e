/**
 * Runs the public-key work of handshakes in threads, beside the event loop: so many at a time, so many that wait, and no
 * more. However many devices shake hands at once, the messages of the others are not held up.
 */
export interface PublicKeyLimits {
  readonly atATime: number;
  /** New handshakes that wait for their first work; what one that began needs always finds room, and there are only so many. */
  readonly waiting: number;
}

/** Starts the work; it is over with the call of `done`. */
export type PublicKeyTask = (done: () => void) => void;

export class PublicKeyPool {
  readonly #limits: PublicKeyLimits;
  /** Of handshakes that are under way: they come first, so that what was begun ends. */
  readonly #further: PublicKeyTask[] = [];
  readonly #first: PublicKeyTask[] = [];
  #running = 0;

  constructor(limits: PublicKeyLimits) {
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#first.length + this.#further.length;
  }

  /** The first work of a new handshake. False: too many wait, and nothing is done. */
  begin(task: PublicKeyTask): boolean {
    if (this.#first.length >= this.#limits.waiting) return false;
    this.#first.push(task);
    this.#go();
    return true;
  }

  /** What a handshake that was let in needs to go on. */
  goOn(task: PublicKeyTask): void {
    this.#further.push(task);
    this.#go();
  }

  #go(): void {
    while (this.#running < this.#limits.atATime) {
      const task = this.#further.shift() ?? this.#first.shift();
      if (task === undefined) return;
      this.#running++;
      task(() => {
        this.#running--;
        this.#go();
      });
    }
  }
}
