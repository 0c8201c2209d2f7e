/**
 * Faults that need the host: a disk that is full (a tmpfs, for which the test has to be root) and clocks that jump (the
 * libfaketime of Debian's package `faketime`). Those that it can't have are named on the console.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as elapse } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Fault } from './faults.ts';

const run = promisify(execFile);
const LIBFAKETIME = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1'];
const DISK_BYTES = 256 << 20;

export function hostFaults(): Fault[] {
  const library = LIBFAKETIME.find((path) => existsSync(path));
  const isRoot = process.getuid?.() === 0;
  if (library === undefined) console.warn('clock jumps are left out: apt-get install faketime');
  if (!isRoot) console.warn('the full disk is left out: it takes root to mount a tmpfs');
  return [...(isRoot ? [fullDisk] : []), ...(library === undefined ? [] : ['+1h', '-1h'].map((jump) => clockJump(library, jump)))];
}

const fullDisk: Fault = {
  name: "a Kafka broker's disk full",
  async open() {
    const disk = await mkdtemp(join(tmpdir(), 'full-disk-'));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]);
    const filler = join(disk, 'filler');
    return {
      options: { kafka: { config: { 'log.dirs': join(disk, 'kafka') } } },
      async happens({ kafka }, forMs) {
        await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M']).catch(() => {}); // ends when there is no room
        await elapse(forMs);
        await rm(filler);
        await kafka.restart(); // a broker ends itself when its disk fails
      },
      async close() {
        await run('umount', ['-l', disk]);
        await rm(disk, { recursive: true, force: true });
      },
    };
  },
};

/** The clocks of edge and registry jump, and back after the fault's time; Redis and Kafka keep theirs. */
function clockJump(library: string, jump: string): Fault {
  return {
    name: `the clocks of edge and registry jump by ${jump}`,
    async open() {
      const directory = await mkdtemp(join(tmpdir(), 'clock-'));
      const file = join(directory, 'time');
      await writeFile(file, '+0');
      const env = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1', DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
      return {
        options: { env: () => env },
        async happens(_scene, forMs) {
          await writeFile(file, jump);
          await elapse(forMs);
          await writeFile(file, '+0');
        },
        close: () => rm(directory, { recursive: true }),
      };
    },
  };
}
