/** From a command to the CoAP request that asks it of one device (Transport 1.1.1 §6.4.4, §6.4.5). */
import { EMPTY_BYTES, encodeUtf8 } from '@cluster/bytes';
import { OptionNumber, uintValue, type CoapOption } from '@cluster/coap';
import type { CommandRequest } from '@cluster/contracts';
import { fromBase64 } from '../content/base64.ts';
import { ContentError } from '../content/faults.ts';
import { ContentFormat } from '../content/format.ts';
import { encodeContent, encodePaths } from '../content/content.ts';
import { formatPath, parsePath, type Path } from '../path.ts';
import type { ResourceValue } from '../values.ts';
import { attributeQueries } from './attributes.ts';
import { checkCommand, targetPath, type CommandFault } from './check-command.ts';
import type { DeviceContext } from './device-context.ts';
import { acceptLadder, choosesFormat, compositeLadder, rung, writeLadder } from './formats.ts';
import { isWrite, RULES } from './rules.ts';
import { writeValues } from './write-values.ts';

/** A request without what the exchange adds: type, message id, token. */
export interface RequestPlan {
  readonly code: number;
  /** In order of their numbers. */
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array | undefined;
  /** What it is about, without the alternate path. */
  readonly paths: readonly Path[];
  readonly observe: 'start' | 'cancel' | undefined;
}

export type PlanResult =
  | { readonly ok: true; readonly plan: RequestPlan }
  | { readonly ok: false; readonly faults: readonly CommandFault[] };

/**
 * Plans the request; also fails where the object model gives a value no type or another one. `refusals` counts the 4.06
 * and 4.15 that this command met: each steps down the ladder of formats, see {@link formatChoices}. An alternate path goes
 * into Uri-Path, for composite operations too, whose payload then names the paths without it.
 */
export function planRequest(command: CommandRequest, device: DeviceContext, refusals = 0): PlanResult {
  const faults = checkCommand(command);
  if (faults.length > 0) return { ok: false, faults };
  const body = encodableBody(command, device, refusals);
  if ('faults' in body) return { ok: false, faults: body.faults };
  const { observe, code } = RULES[command.op];
  const path = device.rootPath + formatPath(targetPath(command));
  const options = optionsOf({ observe, path, contentFormat: body.contentFormat, accept: body.accept }, command.attributes);
  const plan = { code, options, payload: body.payload, paths: body.paths, observe: OBSERVE[observe ?? 2] };
  return { ok: true, plan };
}

/** How many content formats {@link planRequest} can try for a command: `refusals` from 0 to one less make a difference. */
export function formatChoices(command: CommandRequest, device: DeviceContext): number {
  const carriesNone = !isWrite(command.op) && !RULES[command.op].takes.includes('accept');
  if (carriesNone || command.package !== undefined || !choosesFormat(command)) return 1;
  if (isWrite(command.op)) return writeFormats(command, writeValues(command, device.lookup).values, device).length;
  return command.paths ? compositeLadder(false, device).length : acceptLadder(targetPath(command).length, device).length;
}

const OBSERVE = ['start', 'cancel', undefined] as const;

interface Body {
  readonly payload?: Uint8Array | undefined;
  readonly contentFormat?: number | undefined;
  readonly accept?: number | undefined;
  readonly paths: readonly Path[];
}

/** What the format that was asked for can't express is a fault of the command. */
function encodableBody(command: CommandRequest, device: DeviceContext, refusals: number): Body | { faults: CommandFault[] } {
  try {
    return planBody(command, device, refusals);
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    const field = error.code === 'CONTENT_FORMAT' ? 'contentFormat' : command.value === undefined ? 'values' : 'value';
    return { faults: [{ path: field, message: error.message }] };
  }
}

function planBody(command: CommandRequest, device: DeviceContext, refusals: number): Body | { faults: CommandFault[] } {
  const { op, accept, arguments: list } = command;
  if (isWrite(op)) return writeBody(command, device, refusals);
  if (command.paths) return compositeBody(command, device, refusals);
  const target = targetPath(command);
  const paths = [target];
  if (command.payloadBase64 !== undefined) return { ...rawPayload(command), paths };
  if (list) return { payload: encodeUtf8(list), contentFormat: ContentFormat.TEXT, paths };
  if (op === 'discover') return { accept: ContentFormat.LINK, paths };
  if (op === 'execute' || op === 'delete' || op === 'write-attributes') return { paths };
  return { accept: accept ?? rung(acceptLadder(target.length, device), refusals), paths };
}

function writeBody(command: CommandRequest, device: DeviceContext, refusals: number): Body | { faults: CommandFault[] } {
  const composite = command.op === 'write-composite';
  const target = targetPath(command);
  if (command.payloadBase64 !== undefined) return { ...rawPayload(command), paths: composite ? [] : [target] };
  // Whoever sends it reads its bytes, block by block.
  if (command.package !== undefined) return { contentFormat: command.contentFormat ?? ContentFormat.OPAQUE, paths: [target] };
  const { values, faults } = writeValues(command, device.lookup);
  if (faults.length > 0) return { faults };
  const content = contentOf(command, values);
  // POST on an object with nothing in it: the client makes the instance and chooses its id.
  if (content.length === 0) return { paths: [target] };
  const contentFormat = command.contentFormat ?? rung(writeFormats(command, values, device), refusals);
  const payload = encodeContent(contentFormat, content, target, device.lookup);
  return { payload, contentFormat, paths: composite ? values.map(({ path }) => path) : [target] };
}

/** A Create that names the instance and gives no values still carries its id. */
function contentOf(command: CommandRequest, values: readonly ResourceValue[]): readonly ResourceValue[] {
  const path = parsePath(command.path ?? '/') ?? [];
  if (command.op !== 'create' || values.length > 0 || path.length < 2) return values;
  return [{ path, type: 'unknown', value: null }];
}

function compositeBody(command: CommandRequest, device: DeviceContext, refusals: number): Body {
  const paths = (command.paths ?? []).map((path) => parsePath(path) ?? []);
  const contentFormat = command.contentFormat ?? rung(compositeLadder(false, device), refusals);
  return { payload: encodePaths(contentFormat, paths), contentFormat, accept: command.accept ?? contentFormat, paths };
}

/** The formats for a write that names none, best first. */
function writeFormats(command: CommandRequest, values: readonly ResourceValue[], device: DeviceContext): readonly number[] {
  if (command.op === 'write-composite') return compositeLadder(values.some(({ value }) => value === null), device);
  return writeLadder(values, isSingle(command, values, device), device);
}

/** One value, the target's own: a partial Write in text would be an Execute, and a multiple resource has instances. */
function isSingle(command: CommandRequest, values: readonly ResourceValue[], device: DeviceContext): boolean {
  const [value, more] = values;
  const target = targetPath(command);
  if (command.op !== 'write' || !value || more || value.path.length !== target.length) return false;
  return target.length === 4 || !device.lookup(target[0] ?? 0, target[2] ?? 0)?.multiple;
}

function rawPayload({ payloadBase64 = '', contentFormat }: CommandRequest) {
  return { payload: fromBase64(payloadBase64) ?? EMPTY_BYTES, contentFormat };
}

interface Asked {
  readonly observe: 0 | 1 | undefined;
  /** With the alternate path. */
  readonly path: string;
  readonly contentFormat: number | undefined;
  readonly accept: number | undefined;
}

/** Many devices are asked for the same few things. */
const knownOptions = new Map<string, readonly CoapOption[]>();
const MOST_KNOWN = 1_000;

function optionsOf(asked: Asked, attributes: CommandRequest['attributes']): readonly CoapOption[] {
  if (attributes !== undefined) return makeOptions(asked, attributeQueries(attributes));
  const { observe, path, contentFormat, accept } = asked;
  const key = `${path} ${observe} ${contentFormat} ${accept}`;
  const known = knownOptions.get(key);
  if (known !== undefined) return known;
  if (knownOptions.size >= MOST_KNOWN) knownOptions.clear();
  const options = makeOptions(asked, []);
  knownOptions.set(key, options);
  return options;
}

function makeOptions({ observe, path, contentFormat, accept }: Asked, queries: readonly string[]): CoapOption[] {
  const segments = path.split('/').filter((segment) => segment !== '');
  return [
    ...(observe === undefined ? [] : [option(OptionNumber.OBSERVE, observe)]),
    ...segments.map((segment) => textOption(OptionNumber.URI_PATH, segment)),
    ...(contentFormat === undefined ? [] : [option(OptionNumber.CONTENT_FORMAT, contentFormat)]),
    ...queries.map((query) => textOption(OptionNumber.URI_QUERY, query)),
    ...(accept === undefined ? [] : [option(OptionNumber.ACCEPT, accept)]),
  ];
}

function option(number: number, value: number): CoapOption {
  return { number, value: uintValue(value) };
}

function textOption(number: number, value: string): CoapOption {
  return { number, value: encodeUtf8(value) };
}
