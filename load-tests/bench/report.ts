/** What the benchmark prints: medians and ranges of the rounds, next to the floors and the targets. */
import type { MemoryResult } from './memory-part.ts';
import type { RowName, Sample, Samples } from './messages-part.ts';

/** What a message and a device may cost. */
export const TARGETS = { cpuUs: 60, redisBytes: 1_000, associationBytes: 500 } as const;

const ROWS: readonly { name: RowName; label: string; floors: readonly RowName[] }[] = [
  { name: 'handshake', label: 'DTLS handshake, PSK', floors: [] },
  { name: 'register', label: 'Register', floors: ['echo', 'producer'] },
  { name: 'update', label: 'Update', floors: ['echo', 'producer'] },
  { name: 'notification', label: 'CON notification', floors: ['echo', 'producer'] },
  { name: 'non', label: 'NON notification', floors: ['echo', 'producer'] },
  { name: 'send', label: 'Send', floors: ['echo', 'producer'] },
  { name: 'read', label: 'downlink Read', floors: ['echo', 'producer'] },
  { name: 'echo', label: 'floor: UDP echo', floors: [] },
  { name: 'producer', label: 'floor: kafkajs record', floors: [] },
];

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/** One line for each kind of message: CPU µs (median, range), messages a second, how many times its floors, the target. */
export function messageLines(samples: Samples): string[] {
  const heading = `${'message'.padEnd(22)} ${'CPU µs'.padStart(7)} ${'(range)'.padStart(15)} ${'msg/s'.padStart(8)} ${'× floors'.padStart(9)}  target`;
  return [heading, ...ROWS.filter(({ name }) => samples[name].length > 0).map(({ name, label, floors }) => {
    const cpuUs = median(samples[name].map((s) => s.cpuUs));
    const known = floors.every((floor) => samples[floor].length > 0);
    const floorUs = known ? floors.reduce((sum, floor) => sum + median(samples[floor].map((s) => s.cpuUs)), 0) : 0;
    const cells = [
      label.padEnd(22), cpuUs.toFixed(1).padStart(7), rangeOf(samples[name]).padStart(15),
      median(samples[name].map((s) => s.perSecond)).toFixed(0).padStart(8),
      (floorUs === 0 ? '' : (cpuUs / floorUs).toFixed(1)).padStart(9),
    ];
    const target = floors.length === 0 ? '' : `  ${cpuUs <= TARGETS.cpuUs ? 'within' : 'OVER'} ${TARGETS.cpuUs}`;
    return cells.join(' ') + target;
  })];
}

export function memoryLines(devices: number, { registered, observed, registrationsPerSecond }: MemoryResult): string[] {
  const line = (what: string, { heap, redis, keys }: MemoryResult['registered']): string =>
    `${what.padEnd(22)} ${heap.toFixed(0).padStart(7)} ${redis.toFixed(0).padStart(7)} ${keys.toFixed(2).padStart(6)}  ` +
    `${redis <= TARGETS.redisBytes ? 'within' : 'OVER'} ${TARGETS.redisBytes} in Redis`;
  return [
    `bytes a device at ${devices} devices (${registrationsPerSecond.toFixed(0)} Registers a second)`,
    `${''.padEnd(22)} ${'heap'.padStart(7)} ${'Redis'.padStart(7)} ${'keys'.padStart(6)}`,
    line('registered', registered),
    line('with one observation', observed),
  ];
}

function rangeOf(samples: readonly Sample[]): string {
  const all = samples.map((s) => s.cpuUs);
  return `(${Math.min(...all).toFixed(1)}–${Math.max(...all).toFixed(1)})`;
}
