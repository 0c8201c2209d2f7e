/** JSON text of a peer: bounded in depth, no member twice, no digit of an integer lost. */
import { decodeUtf8Strict } from '@cluster/bytes';
import { fromLiteral } from './decimal.ts';
import { Malformed } from './faults.ts';

/** SenML is an array of flat objects, LwM2M JSON an object with one: the rest is room for unknown members. */
const MAX_DEPTH = 8;

/** What `JSON.parse` gives, with a bigint for each integer that a double can't hold. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | { readonly [name: string]: Json };

type Reviver = (name: string, value: unknown, context: { source?: string }) => unknown;
const parse = JSON.parse as (text: string, reviver?: Reviver) => Json;

/** Parses UTF-8 JSON; throws {@link Malformed}. */
export function parseJson(bytes: Uint8Array): Json {
  const text = decodeUtf8Strict(bytes);
  if (text === undefined) throw new Malformed('NOT_UTF8', 'JSON text is not UTF-8');
  const written = countMembers(text);
  const value = parseText(text);
  const survey: Survey = { members: 0, inexact: false };
  inspect(value, survey);
  if (survey.members !== written) throw new Malformed('DUPLICATE', 'a JSON object has a member twice');
  return survey.inexact ? parse(text, exactly) : value;
}

interface Survey {
  members: number;
  inexact: boolean;
}

function parseText(text: string): Json {
  try {
    return parse(text);
  } catch {
    throw new Malformed('MALFORMED', 'not JSON');
  }
}

function exactly(_name: string, value: unknown, context: { source?: string }): unknown {
  return typeof value === 'number' && isInexact(value) && context.source !== undefined ? fromLiteral(context.source) : value;
}

function isInexact(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

function inspect(value: Json, survey: Survey): void {
  if (typeof value === 'number') {
    if (isInexact(value)) survey.inexact = true;
  } else if (Array.isArray(value)) {
    for (const item of value) inspect(item, survey);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) {
      survey.members++;
      inspect(item, survey);
    }
  }
}

/**
 * How many members JSON text writes: the colons outside its strings. `JSON.parse` keeps but the last of equal names.
 * Throws where brackets go too deep, before anything is built of them.
 */
function countMembers(text: string): number {
  let count = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3a) count++;
    else if (code === 0x22) at = endOfString(text, at + 1);
    else if (code === 0x5d || code === 0x7d) depth--;
    else if ((code === 0x5b || code === 0x7b) && ++depth > MAX_DEPTH) throw new Malformed('TOO_DEEP', `JSON nested deeper than ${MAX_DEPTH}`);
  }
  return count;
}

function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at;
    if (code === 0x5c) at++;
  }
  return text.length;
}
