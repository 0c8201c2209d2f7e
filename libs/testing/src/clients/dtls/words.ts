/** What a process prints, to be waited for. */
import type { ChildProcess } from 'node:child_process';

/** The process did not say it: in time, or ever. */
export class NotSaid extends Error {
  readonly code = 'NOT_SAID';
}

const PATIENCE_MS = 15_000;

/** The output of one process, stdout and stderr together. */
export class Words {
  #text = '';
  #over = false;
  #wake: () => void = () => {};

  constructor(child: ChildProcess) {
    const hear = (chunk: Buffer): void => {
      this.#text += chunk.toString('latin1');
      this.#wake();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    const end = (): void => {
      this.#over = true;
      this.#wake();
    };
    child.once('error', end);
    child.once('close', end);
  }

  /** Waits for a match in what nobody waited for yet, and takes everything up to it. */
  async next(pattern: RegExp, patienceMs = PATIENCE_MS): Promise<RegExpExecArray> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) {
        this.#text = this.#text.slice(match.index + match[0].length);
        return match;
      }
      const left = deadline - performance.now();
      if (this.#over || left <= 0) throw new NotSaid(`${String(pattern)} was not said, but:\n${this.#text.trim()}`);
      await this.#more(left);
    }
  }

  #more(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
