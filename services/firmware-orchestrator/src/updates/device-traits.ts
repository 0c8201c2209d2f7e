/** What an update has to know of its device before it asks it anything: from its session, as the cluster has it. */
import { defaultObjectVersion } from '@cluster/lwm2m';
import { decodeSession, type DeviceNumber, type SessionStore } from '@cluster/session';

export interface DeviceTraits {
  readonly number: DeviceNumber;
  /** Version of object 5. */
  readonly objectVersion: string;
  /** It registered over DTLS. */
  readonly secure: boolean;
}

const NOSEC = 'nosec';

/** Undefined: the cluster does not know the endpoint. */
export async function deviceTraits(sessions: Pick<SessionStore, 'resolve' | 'load'>, endpoint: string): Promise<DeviceTraits | undefined> {
  const [number] = await sessions.resolve([endpoint]);
  const [stored] = number === undefined ? [] : await sessions.load([number]);
  if (number === undefined || stored === undefined) return undefined;
  const { endpoint: name, retired, identity, registration } = decodeSession(stored.record);
  if (name !== endpoint || retired === true) return undefined;
  const link = registration.objectLinks.find(({ path }) => path === '/5') ?? registration.objectLinks.find(({ path }) => path === '/5/0');
  return { number, objectVersion: link?.version ?? defaultObjectVersion(5, registration.lwm2mVersion), secure: identity !== NOSEC };
}
