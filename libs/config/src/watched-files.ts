/** Files that are read again when they change: by their content, since Kubernetes changes the link to a mounted secret. */
import { readFile } from 'node:fs/promises';

export interface WatchedFiles {
  stop(): void;
}

/** Within ten seconds what a file says holds. */
const EVERY_MS = 5_000;

export function readFiles(paths: readonly string[]): Promise<Buffer[]> {
  return Promise.all(paths.map((path) => readFile(path)));
}

/**
 * Calls `changed` with all contents whenever one differs from what was read last. Where reading or `changed` fails,
 * `failed` is told once, and what was read before goes on to hold.
 */
export function watchFiles(
  paths: readonly string[],
  first: readonly Buffer[],
  { changed, failed, everyMs = EVERY_MS }: { changed: (contents: Buffer[]) => void; failed: (error: unknown) => void; everyMs?: number },
): WatchedFiles {
  let [known, complained]: [readonly Buffer[], boolean] = [first, false];
  const look = async (): Promise<void> => {
    try {
      const contents = await readFiles(paths);
      if (contents.every((content, i) => content.equals(known[i]!))) return;
      known = contents;
      complained = false;
      changed(contents);
    } catch (error) {
      if (!complained) failed(error);
      complained = true;
    }
  };
  const timer = setInterval(() => void look(), everyMs).unref();
  return { stop: () => clearInterval(timer) };
}
