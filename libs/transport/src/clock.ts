/** The clock of the engines: milliseconds that never go back, whatever is done to the system's time. */

/** Milliseconds since the epoch as the system told it at the process's start; monotonic from there on. */
export function monotonicNowMs(): number {
  return performance.timeOrigin + performance.now();
}
