/** Which options of a message hold: known or not, repeated or not, of a lawful length or not (RFC 7252 §5.4). */
import type { CoapOption } from './message.ts';
import { OptionNumber } from './options.ts';

interface OptionRule {
  readonly minLength: number;
  readonly maxLength: number;
  readonly repeatable: boolean;
}

const once = (minLength: number, maxLength: number): OptionRule => ({ minLength, maxLength, repeatable: false });
const repeatable = (minLength: number, maxLength: number): OptionRule => ({ minLength, maxLength, repeatable: true });

// RFC 7252 table 4, RFC 7641 §2, RFC 7959 §2.1 and §4, RFC 7967, RFC 8768, RFC 9175 §2.2.1 and §3.2.1.
const RULES: readonly (readonly [number, OptionRule])[] = [
  [OptionNumber.IF_MATCH, repeatable(0, 8)],
  [OptionNumber.URI_HOST, once(1, 255)],
  [OptionNumber.ETAG, repeatable(1, 8)],
  [OptionNumber.IF_NONE_MATCH, once(0, 0)],
  [OptionNumber.OBSERVE, once(0, 3)],
  [OptionNumber.URI_PORT, once(0, 2)],
  [OptionNumber.LOCATION_PATH, repeatable(0, 255)],
  [OptionNumber.URI_PATH, repeatable(0, 255)],
  [OptionNumber.CONTENT_FORMAT, once(0, 2)],
  [OptionNumber.MAX_AGE, once(0, 4)],
  [OptionNumber.URI_QUERY, repeatable(0, 255)],
  [OptionNumber.HOP_LIMIT, once(1, 1)],
  [OptionNumber.ACCEPT, once(0, 2)],
  [OptionNumber.LOCATION_QUERY, repeatable(0, 255)],
  [OptionNumber.BLOCK2, once(0, 3)],
  [OptionNumber.BLOCK1, once(0, 3)],
  [OptionNumber.SIZE2, once(0, 4)],
  [OptionNumber.PROXY_URI, once(1, 1034)],
  [OptionNumber.PROXY_SCHEME, once(1, 255)],
  [OptionNumber.SIZE1, once(0, 4)],
  [OptionNumber.ECHO, once(1, 40)],
  [OptionNumber.NO_RESPONSE, once(0, 1)],
  [OptionNumber.REQUEST_TAG, repeatable(0, 8)],
];

/** What became of a message's options: those that count, or the critical one that is not understood. */
export type VettedOptions =
  | { readonly ok: true; readonly options: readonly CoapOption[] }
  | { readonly ok: false; readonly unrecognised: number };

/** The options that an engine understands. */
export class OptionRules {
  readonly #rules: (OptionRule | undefined)[] = Array.from({ length: 512 }, () => undefined);

  /** `alsoRecognised`: critical options which a layer above takes care of, such as OSCORE; of any length, once. */
  constructor(alsoRecognised: readonly number[] = []) {
    for (const number of alsoRecognised) this.#rules[number] = once(0, 0xffff);
    for (const [number, rule] of RULES) this.#rules[number] = rule;
  }

  /** Judges options in order of their numbers. Elective options that do not hold are left out. */
  vet(options: readonly CoapOption[]): VettedOptions {
    let ignored = 0;
    for (let index = 0; index < options.length; index++) {
      if (this.#holds(options, index)) continue;
      const { number } = options[index]!;
      if (number & 1) return { ok: false, unrecognised: number };
      ignored++;
    }
    if (ignored === 0) return { ok: true, options };
    return { ok: true, options: options.filter((_, index) => this.#holds(options, index)) };
  }

  #holds(options: readonly CoapOption[], index: number): boolean {
    const { number, value } = options[index]!;
    const rule = this.#rules[number];
    if (rule === undefined) return false;
    // RFC 7252 §5.4.3: a length outside the definition makes the option unrecognised.
    if (value.length < rule.minLength || value.length > rule.maxLength) return false;
    // RFC 7252 §5.4.5: so does each supernumerary occurrence of an option that is not repeatable.
    return rule.repeatable || index === 0 || options[index - 1]!.number !== number;
  }
}
