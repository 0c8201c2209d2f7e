/**
 * Rules of a command that need neither device nor object model. They refuse what is malformed: what could not be written
 * as the operation it says, or as any. Everything that a device may refuse passes, so that an operator can send it and
 * see the device's own code.
 */
import type { CommandRequest } from '@cluster/contracts';
import { fromBase64 } from '../content/base64.ts';
import { isUnder, parsePath, type Path } from '../path.ts';
import { attributeQueries, attributesFault } from './attributes.ts';
import { executeArgumentsFault } from './execute-arguments.ts';
import { isSingleValueFormat } from './formats.ts';
import { isWrite, RULES, type OperationField } from './rules.ts';

/** What is wrong with which field of a command. */
export interface CommandFault {
  /** "path", "values.3.path", … */
  readonly path: string;
  readonly message: string;
}

const FIELDS: readonly OperationField[] = [
  'path', 'paths', 'value', 'values', 'payloadBase64', 'package', 'contentFormat', 'accept', 'attributes', 'arguments',
];

/** All faults of a command; empty: well-formed. */
export function checkCommand(command: CommandRequest): CommandFault[] {
  const faults = checkFields(command);
  // What follows would only repeat that fields are missing or should not be there.
  if (faults.length > 0) return faults;
  faults.push(...checkPaths(command), ...checkContent(command), ...checkValuePaths(command));
  addText(faults, 'arguments', command.arguments && executeArgumentsFault(command.arguments));
  addText(faults, 'attributes', checkAttributes(command));
  return faults;
}

/** The target of a command that {@link checkCommand} passed: of Create the object, whose new instance may be named too. */
export function targetPath(command: CommandRequest): Path {
  const path = parsePath(command.path ?? '/') ?? [];
  return command.op === 'create' ? path.slice(0, 1) : path;
}

function checkFields(command: CommandRequest): CommandFault[] {
  const { needs, takes } = RULES[command.op];
  const faults: CommandFault[] = [];
  for (const field of FIELDS) {
    const given = command[field] !== undefined;
    if (given === needs.includes(field)) continue;
    if (!given) faults.push({ path: field, message: `${command.op} needs it` });
    else if (!takes.includes(field)) faults.push({ path: field, message: `${command.op} has none` });
  }
  return faults;
}

function checkPaths({ op, path, paths }: CommandRequest): CommandFault[] {
  const faults: CommandFault[] = [];
  paths?.forEach((text, i) => {
    const message = pathFault(op, text);
    if (message !== undefined) faults.push({ path: `paths.${i}`, message });
  });
  const message = path === undefined ? undefined : pathFault(op, path);
  if (message !== undefined) faults.push({ path: 'path', message });
  return faults;
}

function pathFault(op: CommandRequest['op'], text: string): string | undefined {
  const [least, most] = RULES[op].levels;
  const path = parsePath(text);
  // Transport 1.1.1 §6.4.4, row B83: an id may not be left out, and each is 0..65534.
  if (!path) return 'not a path: /object/instance/resource/resource-instance, ids 0..65534';
  return path.length < least || path.length > most ? `${op} takes ${levels(least, most)}` : undefined;
}

const BODIES = ['value', 'values', 'payloadBase64', 'package', 'arguments'] as const;

function checkContent(command: CommandRequest): CommandFault[] {
  const given = BODIES.filter((field) => command[field] !== undefined);
  if (given.length > 1) return [{ path: given[1] ?? '', message: `stands beside ${given[0]}: give one of them` }];
  // A Create of an instance with nothing but its id is complete, and so is an Execute without arguments.
  if (given.length === 0) return isWrite(command.op) && command.op !== 'create' ? [{ path: 'values', message: 'nothing to write' }] : [];
  if (given[0] === 'payloadBase64' && command.contentFormat === undefined) {
    return [{ path: 'contentFormat', message: 'a raw payload needs it' }];
  }
  if (command.package !== undefined && parsePath(command.path ?? '/')?.length !== 3) {
    return [{ path: 'package', message: 'is the value of one resource: path names it' }];
  }
  if (command.payloadBase64 !== undefined && fromBase64(command.payloadBase64) === undefined) {
    return [{ path: 'payloadBase64', message: 'not base64 with padding (RFC 4648 §4)' }];
  }
  return isWrite(command.op) ? checkFormat(command) : [];
}

/** Transport 1.1.1 §6.4.4, row B87: more than one value needs a format that holds paths, and so does a partial Write. */
function checkFormat({ op, path, value, values, contentFormat }: CommandRequest): CommandFault[] {
  const level = parsePath(path ?? '/')?.length ?? 0;
  if (value !== undefined && level < 3) return [{ path: 'value', message: 'only a resource has one value: give values' }];
  if (contentFormat === undefined || !isSingleValueFormat(contentFormat)) return [];
  if (op !== 'write') return [{ path: 'contentFormat', message: `${op} needs a format that holds paths` }];
  if (level < 3) return [{ path: 'contentFormat', message: 'text, opaque and CBOR hold one resource, not an instance' }];
  const single = values === undefined || (values.length === 1 && values[0]?.path === path);
  return single ? [] : [{ path: 'values', message: 'text, opaque and CBOR hold one value, that of path' }];
}

function checkValuePaths(command: CommandRequest): CommandFault[] {
  if (command.values === undefined) return [];
  const target = targetPath(command);
  const instance = command.op === 'create' ? parsePath(command.path ?? '')?.[1] : undefined;
  const seen = new Set<string>();
  return command.values.flatMap((value, i) => {
    const path = parsePath(value.path);
    const fault = (message: string) => [{ path: `values.${i}.path`, message }];
    if (!path) return fault('not a path: /object/instance/resource/resource-instance, ids 0..65534');
    // A null of Write-Composite deletes, whole instances too (SenML-ETCH, Core 1.2 §7.4).
    if (path.length < (value.value === null && command.op === 'write-composite' ? 1 : 3)) return fault('not a resource');
    if (!isUnder(path, target) || (instance !== undefined && path[1] !== instance)) return fault(`not within ${command.path}`);
    if (seen.has(value.path)) return fault('occurs twice');
    seen.add(value.path);
    return [];
  });
}

function checkAttributes({ op, attributes }: CommandRequest): string | undefined {
  if (attributes === undefined) return undefined;
  // PUT without query and payload would be a Write of nothing.
  if (op === 'write-attributes' && attributeQueries(attributes).length === 0) return 'names no attribute';
  return attributesFault(attributes);
}

function addText(faults: CommandFault[], field: string, message: string | undefined): void {
  if (message) faults.push({ path: field, message });
}

const LEVELS = ['the root', 'an object', 'an object instance', 'a resource', 'a resource instance'];

function levels(least: number, most: number): string {
  return least === most ? `${LEVELS[least]}` : `${LEVELS[least]} down to ${LEVELS[most]}`;
}
