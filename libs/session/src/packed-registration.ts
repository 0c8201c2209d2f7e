/** A registration as it stands in the session's record. Devices of one kind have one object list between them, in memory. */
import type { Registration } from '@cluster/lwm2m';

export function packRegistration(r: Registration): unknown[] {
  return [
    r.lifetimeS, r.lwm2mVersion, r.binding, r.queueMode, r.smsNumber ?? null, r.attributes, r.rootPath,
    linkText(r.objectLinks),
    r.contentFormats,
  ];
}

/** Object lists do not change, and a record is written far more often than one is made. */
const linkTexts = new WeakMap<Registration['objectLinks'], string>();

function linkText(links: Registration['objectLinks']): string {
  let text = linkTexts.get(links);
  if (text === undefined) {
    text = links.map(({ path, version }) => (version === undefined ? path : `${path};${version}`)).join(',');
    linkTexts.set(links, text);
  }
  return text;
}

export function unpackRegistration(endpoint: string, a: unknown[]): Registration {
  const links = a[7] as string;
  const smsNumber = a[4] as string | null;
  return {
    endpoint,
    lifetimeS: a[0] as number,
    lwm2mVersion: a[1] as Registration['lwm2mVersion'],
    binding: a[2] as string,
    queueMode: a[3] as boolean,
    ...(smsNumber === null ? {} : { smsNumber }),
    attributes: a[5] as Record<string, string>,
    rootPath: a[6] as string,
    objectLinks: unpackLinks(links),
    contentFormats: a[8] as number[],
  };
}

/** Devices of one kind share their list also where it was read from the store. */
const knownLinks = new Map<string, Registration['objectLinks']>();
const MOST_KNOWN = 512;
const LONGEST_KNOWN = 4_096;

function unpackLinks(text: string): Registration['objectLinks'] {
  const known = knownLinks.get(text);
  if (known !== undefined) return known;
  const links = text === '' ? [] : text.split(',').map(unpackLink);
  linkTexts.set(links, text);
  if (text.length > LONGEST_KNOWN) return links;
  if (knownLinks.size >= MOST_KNOWN) knownLinks.clear();
  knownLinks.set(text, links);
  return links;
}

function unpackLink(text: string): { path: string; version?: string } {
  const at = text.indexOf(';');
  return at < 0 ? { path: text } : { path: text.slice(0, at), version: text.slice(at + 1) };
}
