/**
 * The object list of Register and Update: which objects and instances a client has, under which root, in which versions
 * and content formats (OMA LwM2M Core 1.1 §6.2.1, Transport 1.1.1 §6.4.1).
 */
import { decodeUtf8Strict } from '@cluster/bytes';
import { MAX_ID } from '../path.ts';
import { linkParameter, parseLinkFormat, type Link } from './link-format.ts';

/** An object or object instance of a client. */
export interface RegisteredLink {
  /** "/3" or "/3/0". */
  readonly path: string;
  readonly version?: string;
}

export interface ObjectList {
  readonly objectLinks: readonly RegisteredLink[];
  /** Undefined where the list has no root link. */
  readonly rootPath: string | undefined;
  /** Undefined where the list says nothing about formats. */
  readonly contentFormats: readonly number[] | undefined;
}

export type ObjectListResult =
  | { readonly ok: true; readonly list: ObjectList }
  | { readonly ok: false; readonly detail: string };

/** Security, OSCORE and COSE hold secrets: never listed, and ignored where a client lists them (Core 1.1 §6.2.1). */
const SECRET_OBJECTS: ReadonlySet<number> = new Set([0, 21, 23]);
const MAX_CONTENT_FORMATS = 32;

/** Devices of one kind send the same list: it is read once, and their sessions share it. */
const remembered = new Map<string, ObjectListResult>();
const MOST_REMEMBERED = 512;
const LONGEST_REMEMBERED = 4_096;

/**
 * Reads the payload of Register or Update. `knownRoot` is the root of the registration so far: an Update need not repeat
 * the root link. Links that are no objects are ignored; a duplicate counts once.
 */
export function parseObjectList(payload: Uint8Array, knownRoot = '/'): ObjectListResult {
  const text = decodeUtf8Strict(payload);
  if (text === undefined) return { ok: false, detail: 'the object list is not UTF-8' };
  if (text.length > LONGEST_REMEMBERED) return readObjectList(text, knownRoot);
  const key = `${knownRoot} ${text}`;
  const known = remembered.get(key) ?? readObjectList(text, knownRoot);
  if (remembered.size >= MOST_REMEMBERED) remembered.delete(remembered.keys().next().value ?? '');
  remembered.set(key, known);
  return known;
}

function readObjectList(text: string, knownRoot: string): ObjectListResult {
  const parsed = parseLinkFormat(text);
  if (!parsed.ok) return parsed;
  const roots = parsed.links.filter(isAlternateRoot);
  if (roots.length > 1) return { ok: false, detail: 'the object list has two roots' };
  const root = roots[0] ?? parsed.links.find((link) => link.target === '/');
  const rootPath = root && normalise(root.target);
  if (rootPath !== undefined && !isRootPath(rootPath)) return { ok: false, detail: 'the root path is not allowed' };
  const links = objectLinks(parsed.links, rootPath ?? knownRoot);
  if (typeof links === 'string') return { ok: false, detail: links };
  return { ok: true, list: { objectLinks: links, rootPath, contentFormats: contentFormats(parsed.links) } };
}

/** Versions as announced, by object; on the object's own link before one on an instance (Core 1.2 §7.2.3). */
export function announcedVersions(links: readonly RegisteredLink[]): ReadonlyMap<number, string> {
  const versions = new Map<number, string>();
  for (const { path, version } of [...links].sort((a, b) => segments(a.path).length - segments(b.path).length)) {
    const object = Number(segments(path)[0]);
    if (version !== undefined && !versions.has(object)) versions.set(object, version);
  }
  return versions;
}

/** Several lists as one; of a path that occurs twice the first link counts, with the first version told. */
export function uniteObjectLinks(links: Iterable<RegisteredLink>): RegisteredLink[] {
  const united = new Map<string, RegisteredLink>();
  for (const link of links) {
    const known = united.get(link.path);
    if (known?.version === undefined) united.set(link.path, { ...known, ...link });
  }
  return [...united.values()];
}

function objectLinks(links: readonly Link[], rootPath: string): RegisteredLink[] | string {
  const found: RegisteredLink[] = [];
  for (const link of links) {
    const ids = objectIds(normalise(link.target), rootPath);
    if (ids === undefined) continue;
    if (!ids.every((id) => /^(0|[1-9]\d{0,4})$/.test(id) && Number(id) <= MAX_ID)) return `${link.target} is no object`;
    const version = linkParameter(link, 'ver');
    if (version !== undefined && !/^\d{1,5}\.\d{1,5}$/.test(version)) return `${link.target} has no valid version`;
    if (SECRET_OBJECTS.has(Number(ids[0]))) continue;
    found.push({ path: `/${ids.join('/')}`, ...(version !== undefined && { version }) });
  }
  return uniteObjectLinks(found);
}

/**
 * Ids of "/3" or "/3/0" below the root; undefined for other links. Some clients register an alternate path but leave it
 * out of the object links, so links without it count too.
 */
function objectIds(target: string, rootPath: string): string[] | undefined {
  const below = rootPath !== '/' && target.startsWith(`${rootPath}/`) ? target.slice(rootPath.length) : target;
  const ids = segments(below);
  return ids.length >= 1 && ids.length <= 2 && ids.every((id) => /^\d+$/.test(id)) ? ids : undefined;
}

function isAlternateRoot(link: Link): boolean {
  return linkParameter(link, 'rt')?.split(' ').includes('oma.lwm2m') ?? false;
}

/** Transport 1.1.1 §6.4.1: no numeric segment. Percent-encoding, which no client uses, is refused: Uri-Path has none. */
function isRootPath(path: string): boolean {
  return segments(path).every((segment) => /^[\w.~!$&'()*+=:@-]{1,64}$/.test(segment) && !/^\d+$/.test(segment));
}

/** `ct` of the root link, or of "/" beside an alternate root: one number or a list; what is no number is ignored. */
function contentFormats(links: readonly Link[]): number[] | undefined {
  const told = links
    .filter((link) => isAlternateRoot(link) || link.target === '/')
    .map((link) => linkParameter(link, 'ct'))
    .find((ct) => ct !== undefined);
  if (told === undefined) return undefined;
  const formats = told.split(/[ ,]+/).filter((item) => /^\d{1,5}$/.test(item)).map(Number);
  return [...new Set(formats)].filter((format) => format <= 0xffff).slice(0, MAX_CONTENT_FORMATS);
}

/** With a leading and without a trailing slash: both are wrong in the field. */
function normalise(target: string): string {
  return `/${target.replace(/^\//, '').replace(/\/$/, '')}`;
}

function segments(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}
