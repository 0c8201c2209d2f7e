/** Client and server joined by a network of all weathers: nothing is lost silently, nothing happens twice, no body is torn. */
import { toHex } from '@cluster/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { body, engine, option, path, seededRng } from '../test/fixtures.ts';
import { FAIR, LossyNetwork } from '../test/lossy-network.ts';
import type { Weather } from '../test/lossy-network.ts';
import type { CoapEngine, CoapEvent, CoapParameters, OutgoingRequest } from './index.ts';
import { Code, OptionNumber, uriPath } from './index.ts';

interface Plan {
  readonly code: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly confirmable: boolean;
  readonly early?: Pick<OutgoingRequest, 'responseBlockSize'>;
}

interface Outcome {
  /** Payload lengths of what the server was given, by the number of the request in its path. */
  readonly deliveries: Map<number, string[]>;
  /** What each request ended with. */
  readonly endings: Map<number, string[]>;
  readonly client: CoapEngine;
  readonly server: CoapEngine;
}

/** The server's answer to request `index`: bytes that no other request is answered with. */
function answerBody(index: number, length: number): Uint8Array {
  return body(length + index).subarray(index);
}

function play(plans: readonly Plan[], weather: Weather, seed: number, parameters: Partial<CoapParameters> = {}): Outcome {
  const client = engine({ rng: seededRng(seed), parameters: { blockSize: 64 } });
  const server = engine({ rng: seededRng(seed + 1), parameters: { blockSize: 32, ...parameters } });
  const deliveries = new Map<number, string[]>();
  const endings = new Map<number, string[]>();
  const numbers = new Map<number, number>();
  const add = (to: Map<number, string[]>, index: number, what: string): void => void to.set(index, [...(to.get(index) ?? []), what]);

  const onEvent = (address: string, event: CoapEvent): void => {
    if (event.kind === 'request') {
      expect(address).toBe('server');
      const index = Number(uriPath(event.message)[0]);
      add(deliveries, index, toHex(event.message.payload));
      server.respond(network.nowMs, event.exchange, { code: Code.CONTENT, payload: answerBody(index, plans[index]!.responseBytes) });
    } else if (event.kind === 'response') {
      add(endings, numbers.get(event.request)!, toHex(event.message.payload));
    } else if (event.kind === 'failed') {
      add(endings, numbers.get(event.request)!, event.reason);
    } else if (event.exchange !== 0) {
      client.reject(network.nowMs, event.exchange);
    }
  };
  const network: LossyNetwork = new LossyNetwork({ client, server }, seededRng(seed + 2), weather, onEvent);
  let messageId = seed & 0xffff;
  const nextMessageId = (): number => (messageId = (messageId + 1) & 0xffff);
  for (const [index, { code, requestBytes, confirmable, early }] of plans.entries()) {
    const token = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, index);
    const options = [...path(String(index)), option(OptionNumber.CONTENT_FORMAT, '*')];
    const payload = body(requestBytes);
    const own = { token, messageId: nextMessageId(), nextMessageId, code, options, payload, confirmable, ...early };
    const id = client.request(0, { peer: 'server', ...own });
    numbers.set(id, index);
  }
  network.run(20_000_000);
  return { deliveries, endings, client, server };
}

const plan = fc.record({
  code: fc.constantFrom(Code.GET, Code.PUT, Code.POST, Code.FETCH),
  requestBytes: fc.integer({ min: 0, max: 300 }),
  responseBytes: fc.integer({ min: 0, max: 300 }),
  confirmable: fc.boolean(),
  early: fc.constantFrom({}, { responseBlockSize: 16 }, { responseBlockSize: 64 }),
});
const plans = fc.array(plan, { minLength: 1, maxLength: 8 });
const seed = fc.integer({ min: 1, max: 1_000_000 });
const separateAfterMs = fc.constantFrom(undefined, 0, 5);

function separate(afterMs: number | undefined): Partial<CoapParameters> {
  return afterMs === undefined ? {} : { separateAfterMs: afterMs };
}

describe('two engines', () => {
  it('in fair weather complete every request, with each body whole', () => {
    fc.assert(
      fc.property(plans, seed, separateAfterMs, (all, from, afterMs) => {
        const { deliveries, endings, client } = play(all, FAIR, from, separate(afterMs));
        for (const [index, { requestBytes, responseBytes }] of all.entries()) {
          expect(deliveries.get(index)).toEqual([toHex(body(requestBytes))]);
          expect(endings.get(index)).toEqual([toHex(answerBody(index, responseBytes))]);
        }
        expect(client.counters).toMatchObject({ retransmissions: 0, unsolicited: 0, timeouts: 0 });
      }),
      { numRuns: 60 },
    );
  });

  it('in any weather end each request once, deliver each at most once, and never a torn body', () => {
    const weather = fc.record({
      loss: fc.double({ min: 0, max: 0.5, noNaN: true }),
      duplication: fc.double({ min: 0, max: 0.5, noNaN: true }),
      minDelayMs: fc.constant(1),
      maxDelayMs: fc.integer({ min: 1, max: 4_000 }),
    });
    fc.assert(
      fc.property(plans, weather, seed, separateAfterMs, (all, sky, from, afterMs) => {
        const { deliveries, endings, client, server } = play(all, sky, from, separate(afterMs));
        for (const [index, { requestBytes, responseBytes }] of all.entries()) {
          const whole = toHex(answerBody(index, responseBytes));
          expect(endings.get(index)).toHaveLength(1);
          expect([whole, 'timeout', 'block-failed', 'reset']).toContain(endings.get(index)![0]);
          const delivered = deliveries.get(index) ?? [];
          expect(delivered.length).toBeLessThanOrEqual(1);
          for (const payload of delivered) expect(payload).toBe(toHex(body(requestBytes)));
          if (endings.get(index)![0] === whole) expect(delivered).toHaveLength(1);
        }
        for (const each of [client, server]) {
          expect(each.usage).toEqual({ peers: 0, answerBytes: 0, requests: 0, timers: 0, uploads: 0, uploadBytes: 0, bodies: 0, bodyBytes: 0 });
        }
      }),
      { numRuns: 150 },
    );
  });

  it('get through where a third of all datagrams is lost', () => {
    const all = Array.from({ length: 8 }, () => ({ code: Code.PUT, requestBytes: 200, responseBytes: 200, confirmable: true }));
    const { endings, client } = play(all, { ...FAIR, loss: 0.3 }, 7);
    const completed = [...endings.values()].filter(([ending]) => ending!.length === 400);
    expect(completed.length).toBeGreaterThanOrEqual(6);
    expect(client.counters.retransmissions).toBeGreaterThan(20);
  });

  it('are told apart from a weather that loses everything', () => {
    const { endings, deliveries } = play([{ code: Code.GET, requestBytes: 0, responseBytes: 1, confirmable: true }], { ...FAIR, loss: 1 }, 3);
    expect([...endings.values()]).toEqual([['timeout']]);
    expect(deliveries.size).toBe(0);
  });
});
