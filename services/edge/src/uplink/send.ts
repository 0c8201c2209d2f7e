/** Send: a device reports on its own account with POST /dp. OMA Transport 1.1.1 §6.4.5 */
import { Code } from '@cluster/coap';
import { isSecure, refusal, unavailable } from '@cluster/coap-kit';
import { parseSend } from '@cluster/lwm2m';
import { eachOf, isMuted, StoreUnavailable, takeOver, type DeviceNumber } from '@cluster/session';
import type { Decision, Refusal, Step } from '../device-steps.ts';
import { storeCause } from '../refusal-causes.ts';
import { contextOf, type Held } from '../held-sessions.ts';
import { alarmOfWaking, arrivalOf, mayMove, movesOrWakes, type Received, type Uplink } from './uplink.ts';

/** Finds the senders by what they proved, or by their addresses. A sender that no session confirms gets 4.04. */
export async function sendSteps(uplink: Uplink, received: readonly Received[]): Promise<Step[]> {
  const known = (peer: string): DeviceNumber | undefined => (isSecure(peer) ? uplink.secure.of(peer)?.number : uplink.held.byPeer(peer)?.number);
  const unknown = received.filter(({ peer }) => !isSecure(peer) && known(peer) === undefined).map(({ peer }) => peer);
  const found = unknown.length === 0 ? [] : await eachOf(uplink.sessions.resolveAddresses(unknown));
  const hints = new Map(unknown.map((peer, i) => [peer, found[i]]));
  return received.flatMap((r) => {
    const number = known(r.peer) ?? hints.get(r.peer);
    if (number instanceof StoreUnavailable) {
      uplink.counters.refusedStep(storeCause(number));
      uplink.respond(r.exchange, unavailable(() => uplink.rng.uint32()));
      return [];
    }
    if (number !== undefined) return [new SendStep(uplink, r, number)];
    uplink.counters.refused('send', 'not-found');
    uplink.respond(r.exchange, { code: Code.NOT_FOUND });
    return [];
  });
}

class SendStep implements Step {
  readonly number: DeviceNumber;
  readonly #uplink: Uplink;
  readonly #received: Received;

  constructor(uplink: Uplink, received: Received, number: DeviceNumber) {
    this.#uplink = uplink;
    this.#received = received;
    this.number = number;
  }

  decide(held: Held | undefined, fresh: boolean): Decision | 'reload' {
    const { peer, message } = this.#received;
    const confirmed = held?.record.state === 'registered' && (isSecure(peer) ? mayMove(this.#uplink, held, peer) : held.record.peer === peer);
    if (!fresh && (!confirmed || this.#uplink.presence.mayHaveSlept(held))) return 'reload';
    if (!confirmed || held === undefined) return this.#refused(Code.NOT_FOUND, 'not-found');
    const nowMs = this.#uplink.clock.storeMs();
    const parsed = parseSend(message, contextOf(held, this.#uplink.model), nowMs / 1_000);
    if (!parsed.ok) return this.#refused(parsed.code, 'bad-request', parsed.detail);
    const { token, messageId, payload } = message;
    const report = { paths: [], contentFormat: parsed.contentFormat, values: parsed.values };
    const event = this.#uplink.events.send(held, { token, messageId, payload }, nowMs, report);
    if (event === undefined) return this.#refused(Code.REQUEST_ENTITY_TOO_LARGE, 'too-large');
    return { ...this.#taken(held), events: [event], done: (now) => this.#accepted(now ?? held) };
  }

  #taken(held: Held): Pick<Decision, 'record' | 'alarmMs'> {
    if (!movesOrWakes(this.#uplink, this.#received, held.record)) return {};
    const record = takeOver(held.record, arrivalOf(this.#uplink, this.#received, held));
    return { record, ...alarmOfWaking(held.record, record) };
  }

  #refused(code: number, why: string, detail?: string): Decision {
    return {
      done: () => {
        this.#uplink.counters.refused('send', why);
        this.#uplink.respond(this.#received.exchange, refusal(code, detail));
      },
    };
  }

  #accepted(held: Held): void {
    this.#uplink.counters.sends.add(1);
    if (isMuted(held.record)) this.#uplink.counters.mutedSends.add(1);
    this.#uplink.respond(this.#received.exchange, { code: Code.CHANGED });
    this.#uplink.heard(held);
  }

  refuse(why: Refusal): void {
    this.#uplink.counters.refused('send', why);
    this.#uplink.respond(this.#received.exchange, unavailable(() => this.#uplink.rng.uint32()));
  }
}
