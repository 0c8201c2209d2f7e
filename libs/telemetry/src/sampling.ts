/** Decides before a span is made whether a message is traced: a span that is made and thrown away costs 3 µs. */
import { type Context, isSpanContextValid, trace, TraceFlags } from '@opentelemetry/api';

/** Takes every n-th message, n being the inverse of the ratio: no random number on the hot path. */
export class TraceGate {
  readonly #ratio: number;
  #due = 0;

  /** `ratio`: the part of the messages to trace, 0 to 1. */
  constructor(ratio: number) {
    this.#ratio = ratio;
  }

  /** Whether this message is to be traced. */
  sample(): boolean {
    this.#due += this.#ratio;
    if (this.#due < 1) return false;
    this.#due -= 1;
    return true;
  }
}

/** The part of the messages that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG ask for. */
export function ratioFromEnvironment(env: Readonly<Record<string, string | undefined>>): number {
  if (env['OTEL_TRACES_EXPORTER'] === 'none') return 0;
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? '';
  if (sampler.endsWith('always_off')) return 0;
  if (!sampler.endsWith('traceidratio')) return 1;
  const ratio = Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? 1);
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}

const NOT_RECORD = 0;
const RECORD_AND_SAMPLED = 2;

/** The SDK's sampler: follows the caller's decision; a span without a caller was let through by the gate. */
export const gatedSampler = {
  shouldSample(context: Context): { decision: number } {
    const caller = trace.getSpanContext(context);
    if (caller === undefined || !isSpanContextValid(caller)) return { decision: RECORD_AND_SAMPLED };
    return { decision: (caller.traceFlags & TraceFlags.SAMPLED) === 0 ? NOT_RECORD : RECORD_AND_SAMPLED };
  },
  toString: () => 'GatedSampler',
};
