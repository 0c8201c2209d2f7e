/** Observe and Block2 together (RFC 7959 §3.4) as the vectors have it, with our engine as the client that observes. */
import { hex, toHex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { blockOptions, bodyLength, expected, flow, notation, payload } from '../../test/block-flows.ts';
import type { Step } from '../../test/block-flows.ts';
import { body, decoded, engine, feed, message, option, outgoing, path } from '../../test/fixtures.ts';
import type { CoapEvent, CoapMessage, CoapOption } from '../index.ts';
import { MessageType, OptionNumber, blockOption, observeValue, optionValue, uintValue } from '../index.ts';

const steps = flow(11);
const whole = body(bodyLength(steps, 'S', 'block2'));

/** The caller of an engine: it observes, acknowledges a notification and fetches what the notification left out. */
function observer(resource: string) {
  const under = engine();
  const messages: CoapMessage[] = [];
  const bodies: CoapMessage[] = [];

  const take = (event: CoapEvent): void => {
    if (event.kind === 'response') bodies.push(event.message);
    if (event.kind !== 'unsolicited' || !event.more) return;
    under.acknowledge(0, event.exchange);
    const { szx } = blockOption(event.message, OptionNumber.BLOCK2)!;
    const etag = optionValue(event.message, OptionNumber.ETAG)!;
    const continued = { payload: event.message.payload, etag, nextBlock: 1, szx };
    under.request(0, outgoing({ code: steps[0]!.code, options: path(resource), continued }));
  };
  const drain = (): void => {
    const { datagrams, events } = under.poll();
    messages.push(...datagrams.map(({ bytes }) => decoded(bytes)));
    events.forEach(take);
    if (events.length > 0) drain();
  };
  return {
    bodies,
    observe({ code, messageId }: Step): void {
      const options = [option(OptionNumber.OBSERVE, uintValue(0)), ...path(resource)];
      under.request(0, outgoing({ code, messageId: messageId!, options }));
      drain();
    },
    receive(incoming: CoapMessage): void {
      feed(under, 0, incoming);
      drain();
    },
    next: () => messages.shift()!,
  };
}

describe('an observation with block-wise notifications', () => {
  it('goes as in figure 11, every fetch with a token of its own', () => {
    const client = observer(steps[0]!.path);
    const tokens = new Map<string, string>();
    let request: CoapMessage | undefined;
    let version = 0;
    client.observe(steps[0]!);
    for (const step of steps) {
      if (step.from === 'S') {
        version = step.observe ?? version;
        client.receive(incoming(step, version, step.type === MessageType.ACK ? request!.messageId : 0x4444));
        continue;
      }
      request = client.next();
      expect([request.type, notation(request)]).toEqual([step.type, expected(step)]);
      if (step.messageId !== undefined) expect(request.messageId).toBe(step.messageId);
      if (step.token !== undefined) expect(tokenOf(step.token)).toBe(toHex(request.token));
    }
    expect(client.next()).toBeUndefined();
    expect(client.bodies.map((each) => toHex(each.payload))).toEqual([toHex(whole), toHex(whole)]);
    expect(client.bodies.map((each) => observeValue(each))).toEqual([62_350, undefined]);

    /** The token that a name of the figure stands for: another for each name. */
    function tokenOf(name: string): string {
      const known = tokens.get(name);
      if (known !== undefined) return known;
      const token = toHex(request!.token);
      expect([...tokens.values()]).not.toContain(token);
      tokens.set(name, token);
      return token;
    }

    /** A message of the server, as the figure has it. */
    function incoming(step: Step, etag: number, messageId: number): CoapMessage {
      const observe: CoapOption[] = step.observe === undefined ? [] : [option(OptionNumber.OBSERVE, uintValue(step.observe))];
      const options = [option(OptionNumber.ETAG, uintValue(etag)), ...observe, ...blockOptions(step)];
      const token = hex(tokens.get(step.token!)!);
      return message({ type: step.type, code: step.code, messageId, token, options, payload: payload(step.block2, whole.length) });
    }
  });
});
