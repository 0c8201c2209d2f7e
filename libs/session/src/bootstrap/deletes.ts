/** What is to be deleted before a device is written to: never its bootstrap account, never what its configuration keeps. */
import { bootstrapAccount, type Discovered, isUnder, parsePath, type Path } from '@cluster/lwm2m';
import type { Provision } from './bootstrap-desk.ts';

const SECURITY = 0;
const SERVER = 1;
const DEVICE = 3;
const OSCORE = 21;

/** `discovered`: what Bootstrap-Discover showed; undefined where the client does not know it. */
export function plannedDeletes({ deletes, keep, writes }: Pick<Provision, 'deletes' | 'keep' | 'writes'>, discovered: Discovered | undefined): Path[] {
  const kept = paths(keep);
  if (deletes === 'all-but-bootstrap') {
    if (kept.length === 0) return [[]];
    return discovered === undefined ? writtenObjects(writes, kept) : allBut(discovered, kept);
  }
  const listed = paths(deletes);
  const spared = [...kept, ...(discovered === undefined ? [] : bootstrapInstances(discovered))];
  return unique([...listed, ...accountsOf(listed, discovered)]).filter((path) => !isSpared(path, spared));
}

/** Instances of the bootstrap account: of 0, and of 21 where it has OSCORE. OMA LwM2M Core 1.1 §6.1.7.5 */
export function bootstrapInstances(discovered: Discovered): Path[] {
  const account = bootstrapAccount(discovered);
  const oscore = discovered.instances.find(({ path, shortServerId }) => path[0] === OSCORE && shortServerId === undefined)?.path;
  return [account, oscore].filter((path) => path !== undefined);
}

/** Each object as a whole where nothing of it stays, else each instance that goes. */
function allBut(discovered: Discovered, kept: readonly Path[]): Path[] {
  const spared = [...kept, ...bootstrapInstances(discovered)];
  const objects = [...new Set(discovered.instances.map(({ path }) => path[0]!))].filter((object) => object !== DEVICE);
  return objects.flatMap((object): Path[] => {
    const instances = discovered.instances.map(({ path }) => path).filter((path) => path[0] === object);
    const going = instances.filter((path) => !isSpared(path, spared));
    return going.length === instances.length ? [[object]] : going;
  });
}

/** A client that does not show what it has is rid of what is written anew; its bootstrap account it spares itself. */
function writtenObjects(writes: Provision['writes'], kept: readonly Path[]): Path[] {
  const objects = [...new Set(paths(writes.map(({ path }) => path)).map((path) => path[0]!))];
  return objects.filter((object) => object !== DEVICE && !kept.some((path) => path[0] === object)).map((object) => [object]);
}

/**
 * Unbootstrapping a server takes its Server and OSCORE instances along with its Security instance: they are found by their
 * Short Server ID. OMA LwM2M Transport 1.1.1 §5.2.5
 */
function accountsOf(listed: readonly Path[], discovered: Discovered | undefined): Path[] {
  const gone = (discovered?.instances ?? []).filter(({ path }) => path[0] === SECURITY && listed.some((each) => each.length === 2 && isUnder(path, each)));
  const servers = new Set(gone.map(({ shortServerId }) => shortServerId).filter((id) => id !== undefined));
  return (discovered?.instances ?? [])
    .filter(({ path, shortServerId }) => (path[0] === SERVER || path[0] === OSCORE) && shortServerId !== undefined && servers.has(shortServerId))
    .map(({ path }) => path);
}

/** Whether it, or something under it that stays, must not be deleted. An object with a bootstrap account may be: the client spares that. */
function isSpared(path: Path, spared: readonly Path[]): boolean {
  if (path[0] === DEVICE) return true;
  return spared.some((each) => isUnder(path, each));
}

function paths(texts: readonly string[]): Path[] {
  return texts.map(parsePath).filter((path) => path !== undefined);
}

function unique(all: readonly Path[]): Path[] {
  return [...new Map(all.map((path) => [path.join('/'), path])).values()];
}
