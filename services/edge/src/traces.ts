/** Spans of a sample of device messages, from their arrival to their answer. Costs one call where nothing is sampled. */
import { SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { formatCode, isRequest, uriPath, type CoapEvent } from '@cluster/coap';

/** Spans that may be open at once; a message that is never answered must not hold memory for ever. */
const MAX_OPEN = 10_000;

export class Traces {
  readonly #sample: () => boolean;
  readonly #open = new Map<number, Span>();

  /** `sample` says whether to trace the next message. */
  constructor(sample: () => boolean) {
    this.#sample = sample;
  }

  /** A message that will be answered, or not, by its exchange. */
  arrived(event: Extract<CoapEvent, { kind: 'request' | 'unsolicited' }>): void {
    if (!this.#sample() || this.#open.size >= MAX_OPEN) return;
    const { message } = event;
    // Endpoint names are no attributes: a trace goes to places that events do not.
    const resource = uriPath(message)[0] ?? '';
    const name = isRequest(message.code) ? `${formatCode(message.code)} /${resource}` : 'notification';
    this.#open.set(event.exchange, trace.getTracer('lwm2m-edge').startSpan(name, { kind: SpanKind.SERVER }));
  }

  /** The exchange was answered with a code, acknowledged, or left without an answer. */
  ended(exchange: number, outcome: string, failed: boolean): void {
    const span = this.#open.get(exchange);
    if (span === undefined) return;
    this.#open.delete(exchange);
    span.setAttribute('coap.outcome', outcome);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}
