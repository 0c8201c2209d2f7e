/**
 * CoRE Link Format (RFC 6690): parser and serializer. Tolerates what LwM2M clients are known to send (blanks and line
 * breaks between elements and inside <>, a comma at the end); everything else that isn't link-format is refused.
 */

export interface LinkParameter {
  readonly name: string;
  /** undefined for a bare flag. */
  readonly value?: string;
}

export interface Link {
  /** What stands between < and >, without blanks. */
  readonly target: string;
  readonly parameters: readonly LinkParameter[];
}

export type LinkFormatResult =
  | { readonly ok: true; readonly links: readonly Link[] }
  | { readonly ok: false; readonly detail: string };

export interface LinkFormatOptions {
  /** Take parameters without a link as a link with the target "": `lwm2m="1.0",</0/0>` of 1.0 clients at bootstrap. */
  readonly bareParameters?: boolean;
}

/** What a peer may make us hold. */
export const LINK_LIMITS = { characters: 65_536, links: 2_048, target: 255, parameters: 32 } as const;

/** Parses a whole document; an empty one has no links. */
export function parseLinkFormat(text: string, options: LinkFormatOptions = {}): LinkFormatResult {
  if (text.length > LINK_LIMITS.characters) return { ok: false, detail: 'link-format is too long' };
  try {
    return { ok: true, links: new Reader(text, options.bareParameters ?? false).document() };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, detail: error.message };
    throw error;
  }
}

/** Writes links; values that are not plain tokens are quoted, except that `ct` and `ver` with one number never are. */
export function formatLinkFormat(links: readonly Link[]): string {
  return links.map((link) => [`<${link.target}>`, ...link.parameters.map(formatParameter)].join(';')).join(',');
}

/** First value of a parameter; undefined where it is missing or bare. */
export function linkParameter(link: Link, name: string): string | undefined {
  return link.parameters.find((parameter) => parameter.name === name)?.value;
}

function formatParameter({ name, value }: LinkParameter): string {
  if (value === undefined) return name;
  if (/^[0-9.]+$/.test(value)) return `${name}=${value}`;
  return `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Never leaves this file: ends the parse. */
class Malformed extends Error {}

const BLANK = /[ \t\r\n]*/y;
const TARGET = /<([^<>"\\\p{Cc}]*)>/uy;
/** RFC 6690 §2: parmname, with the * of an ext-name-star. */
const NAME = /[A-Za-z0-9!#$&+\-.^_`|~]+\*?/y;
/** RFC 6690 §2: ptoken. */
const TOKEN = /[!#-+\--:<-[\]-~]+/y;
const QUOTED = /"((?:[^"\\\p{Cc}]|[\t\r\n]|\\\P{Cc})*)"/uy;

class Reader {
  readonly #text: string;
  readonly #bareParameters: boolean;
  #at = 0;

  constructor(text: string, bareParameters: boolean) {
    this.#text = text;
    this.#bareParameters = bareParameters;
  }

  document(): Link[] {
    const links: Link[] = [];
    this.#match(BLANK);
    while (this.#at < this.#text.length) {
      if (links.length === LINK_LIMITS.links) throw new Malformed('too many links');
      links.push(this.#link());
      if (this.#at < this.#text.length && !this.#take(',')) throw this.#unexpected();
    }
    return links;
  }

  #link(): Link {
    const target = this.#match(TARGET)?.[1]?.replaceAll(' ', '');
    if (target === undefined && !this.#bareParameters) throw this.#unexpected();
    if (target !== undefined && target.length > LINK_LIMITS.target) throw new Malformed('a link is too long');
    this.#match(BLANK);
    const parameters: LinkParameter[] = target === undefined ? [this.#parameter()] : [];
    while (this.#take(';')) {
      if (parameters.length === LINK_LIMITS.parameters) throw new Malformed('a link has too many parameters');
      parameters.push(this.#parameter());
    }
    return { target: target ?? '', parameters };
  }

  #parameter(): LinkParameter {
    const name = this.#match(NAME)?.[0];
    if (name === undefined) throw this.#unexpected();
    this.#match(BLANK);
    if (!this.#take('=')) return { name };
    const quoted = this.#match(QUOTED);
    const value = quoted ? quoted[1]?.replace(/\\(.)/gu, '$1') : this.#match(TOKEN)?.[0];
    if (value === undefined) throw this.#unexpected();
    this.#match(BLANK);
    return { name, value };
  }

  /** Takes one character and the blanks behind it. */
  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    this.#match(BLANK);
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #unexpected(): Malformed {
    return new Malformed(`not link-format at character ${this.#at}`);
  }
}
