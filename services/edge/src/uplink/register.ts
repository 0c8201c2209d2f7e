/** Register: a device tells that it is there. OMA Transport 1.1.1 §6.4.3 */
import { Code, contentFormat, uriQuery } from '@cluster/coap';
import { isSecure, refusal, unavailable } from '@cluster/coap-kit';
import { parseRegister, type Registration } from '@cluster/lwm2m';
import {
  answeredBefore, bindEndpoint, deadlineOf, eachOf, isRetired, newDeviceNumber, newLocationId, register, StoreUnavailable, type DeviceNumber,
} from '@cluster/session';
import type { Decision, Refusal, Step } from '../device-steps.ts';
import type { Held } from '../held-sessions.ts';
import { nextLookMs } from '../next-look.ts';
import { storeCause } from '../refusal-causes.ts';
import { created } from '../replies.ts';
import { arrivalOf, bindAddress, type Received, type Uplink } from './uplink.ts';

/** How long an unpublished registration event may wait for the sweeper, if its worker dies before the device repeats. */
const FIRST_LOOK_MS = 60_000;

/** Reads Register messages and gives each device its number. What can't be read is answered at once. */
export async function registerSteps(uplink: Uplink, received: readonly Received[]): Promise<Step[]> {
  const readable = received.flatMap((r) => {
    const registration = readRegister(uplink, r);
    return registration === undefined ? [] : [{ received: r, registration }];
  });
  if (readable.length === 0) return [];
  const unproved = readable.filter(({ received: { peer } }) => !isSecure(peer));
  const numbers = unproved.length === 0 ? [] : await numbersOf(uplink, unproved.map(({ registration }) => registration.endpoint));
  let next = 0;
  return readable.flatMap(({ received: r, registration }) => {
    const proved = isSecure(r.peer) ? uplink.secure.of(r.peer)?.number : undefined;
    const numbered = proved === undefined ? (numbers[next++] ?? UNKNOWN) : { number: proved, source: 'proved' as const };
    return numbered instanceof StoreUnavailable ? refuseAway(uplink, r, numbered) : [new RegisterStep(uplink, r, registration, numbered)];
  });
}

/** The part of the store that knows this device is away. */
function refuseAway(uplink: Uplink, { exchange }: Received, fault: StoreUnavailable): [] {
  uplink.counters.refusedStep(storeCause(fault));
  uplink.counters.refused('register', 'store');
  uplink.respond(exchange, unavailable(() => uplink.rng.uint32()));
  return [];
}

function readRegister(uplink: Uplink, received: Received): Registration | undefined {
  const { message, peer } = received;
  // Who proved to be a device may leave its name out: the number stands for it until the name is known.
  const proved = isSecure(peer) ? uplink.secure.of(peer)?.number : undefined;
  if (proved === undefined && isSecure(peer)) return refuseStranger(uplink, received);
  const parsed = parseRegister(uriQuery(message), message.payload, contentFormat(message), {
    unknownParameters: uplink.settings.unknownParameters,
    ...(proved === undefined ? {} : { identity: proved }),
  });
  if (parsed.ok) return parsed.registration;
  uplink.counters.refused('register', parsed.fault);
  uplink.respond(received.exchange, refusal(parsed.code, parsed.detail));
  return undefined;
}

/** Its association is gone: whose it was is not known any more. */
function refuseStranger(uplink: Uplink, { exchange }: Received): undefined {
  uplink.counters.refused('register', 'unproved');
  uplink.respond(exchange, unavailable(() => uplink.rng.uint32()));
  return undefined;
}

interface Numbered {
  readonly number: DeviceNumber;
  /**
   * `held`: of a session in the cache, which may be behind; `index`: the endpoint's; `drawn`: just now;
   * `proved`: by the credential of its association.
   */
  readonly source: 'held' | 'index' | 'drawn' | 'proved';
}

const UNKNOWN: Numbered = { number: '', source: 'index' };

async function numbersOf(uplink: Uplink, endpoints: readonly string[]): Promise<(Numbered | StoreUnavailable)[]> {
  const held = endpoints.map((endpoint) => uplink.held.byEndpoint(endpoint)?.number);
  const asked = endpoints.filter((_, i) => held[i] === undefined);
  const indexed = asked.length === 0 ? [] : await indexedNumbers(uplink, asked);
  let next = 0;
  return held.map((number) => (number === undefined ? (indexed[next++] ?? UNKNOWN) : { number, source: 'held' }));
}

/** Asks the index with numbers drawn for endpoints that have none: one question for those it knows and those it does not. */
async function indexedNumbers(uplink: Uplink, endpoints: readonly string[]): Promise<(Numbered | StoreUnavailable)[]> {
  const claims = endpoints.map((endpoint) => ({ endpoint, proposal: newDeviceNumber(uplink.rng) }));
  const numbers = await eachOf(uplink.sessions.claim(claims));
  return numbers.map((number, i) => {
    if (number instanceof StoreUnavailable) return number;
    return { number, source: number === claims[i]?.proposal ? 'drawn' : 'index' };
  });
}

class RegisterStep implements Step {
  number: DeviceNumber;
  #source: Numbered['source'];
  readonly #uplink: Uplink;
  readonly #received: Received;
  #registration: Registration;

  constructor(uplink: Uplink, received: Received, registration: Registration, { number, source }: Numbered) {
    this.#uplink = uplink;
    this.#received = received;
    this.#registration = registration;
    this.number = number;
    this.#source = source;
  }

  get unborn(): boolean {
    return this.#source === 'drawn';
  }

  decide(held: Held | undefined, fresh: boolean): Decision | 'reload' | 'elsewhere' {
    if (this.#source === 'proved') return this.#decideProved(held, fresh);
    const retired = held === undefined ? this.#source === 'held' : this.#isRetired(held);
    // A held session that is behind shows when it is committed; before a number is given up, the store is asked.
    if (retired) return fresh ? 'elsewhere' : 'reload';
    // OMA Transport 1.1.1 §5.2.6: where an operator set credentials, the name alone proves nothing.
    if (held?.record.secured === true) return fresh ? { done: () => this.#refuseUnproved('unproved') } : 'reload';
    // §5.3: without security the network alone can tell who it is.
    const fits = this.#uplink.identities.fits(this.#received.peer, this.#registration.endpoint, held?.record.profile);
    if (!fits) return fresh ? { done: () => this.#refuseUnproved('network-identity') } : 'reload';
    return this.#register(held);
  }

  /** Row B19: the endpoint is the one that the credential was set for. */
  #decideProved(held: Held | undefined, fresh: boolean): Decision | 'reload' {
    const { endpoint: told } = this.#registration;
    const bound = held && bindEndpoint(held.record.endpoint, told === this.number ? undefined : told);
    if (bound?.ok !== true) {
      return fresh ? { done: () => this.#refuse('endpoint-differs', 'the credential is of another endpoint') } : 'reload';
    }
    this.#registration = { ...this.#registration, endpoint: bound.endpoint };
    return this.#register(held);
  }

  #register(held: Held | undefined): Decision {
    const { peer, message } = this.#received;
    const arrival = arrivalOf(this.#uplink, this.#received, held);
    const repeated = held === undefined ? undefined : answeredBefore(held.record, { peer, messageId: message.messageId, nowMs: arrival.nowMs });
    if (held !== undefined && repeated?.code === Code.CREATED) return { done: (now) => this.#answer(now) };
    const locationId = newLocationId(this.number, this.#uplink.rng);
    const registered = register(held?.record, this.#registration, { ...arrival, locationId, code: Code.CREATED });
    const record = this.#uplink.templates.apply(registered);
    const { nowMs } = arrival;
    const alarmMs = Math.min(deadlineOf(record), nowMs + FIRST_LOOK_MS);
    const putOffMs = (held?.entries ?? 0) > 0 ? undefined : nextLookMs(record, { nowMs, graceMs: this.#uplink.settings.graceMs });
    return { record, answers: true, alarmMs, putOffMs, done: (now) => this.#answer(now) };
  }

  /** A number of which nothing is left is not used again; nor is another endpoint's. */
  #isRetired({ record, entries }: Held): boolean {
    return record.endpoint !== this.#registration.endpoint || isRetired(record, entries);
  }

  async move(): Promise<void> {
    const claim = { endpoint: this.#registration.endpoint, proposal: newDeviceNumber(this.#uplink.rng), replaces: this.number };
    const [number] = await this.#uplink.sessions.claim([claim]);
    this.number = number ?? claim.proposal;
    this.#source = number === claim.proposal ? 'drawn' : 'index';
  }

  #answer(held: Held | undefined): void {
    if (held === undefined) return this.refuse('store');
    bindAddress(this.#uplink, held);
    this.#uplink.counters.registered.add(1);
    this.#uplink.served(this.#received.peer);
    this.#uplink.respond(this.#received.exchange, created(held.record.locationId));
    this.#uplink.heard(held);
  }

  #refuseUnproved(reason: string): void {
    this.#refuse(reason, 'this endpoint has to prove who it is');
  }

  #refuse(reason: string, detail: string): void {
    this.#uplink.counters.refused('register', reason);
    this.#uplink.respond(this.#received.exchange, refusal(Code.BAD_REQUEST, detail));
  }

  refuse(why: Refusal): void {
    this.#uplink.counters.refused('register', why);
    this.#uplink.respond(this.#received.exchange, unavailable(() => this.#uplink.rng.uint32()));
  }
}
