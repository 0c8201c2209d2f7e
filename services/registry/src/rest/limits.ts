/** What callers may give and see whose grants are limited to some operations, paths or tenants. */
import type { CommandStatus, StreamedEvent } from '@cluster/contracts';
import { ApiError, type Caller, type CommandScope } from '@cluster/nest-kit';
import type { NorthboundPort } from '../northbound-port.ts';

/** Whether all of these paths of one device may be seen. */
export type Sight = (paths: readonly string[]) => boolean;

export class Limits {
  readonly #northbound: Pick<NorthboundPort, 'tenantOf'>;

  constructor(northbound: Pick<NorthboundPort, 'tenantOf'>) {
    this.#northbound = northbound;
  }

  /** Throws what the caller is answered where one of the commands is not granted at the endpoint. */
  async judge(caller: Caller, endpoint: string, commands: readonly CommandScope[]): Promise<void> {
    if (caller.givesAll) return;
    const tenant = await this.#northbound.tenantOf(endpoint);
    // Nobody's: the command itself will be refused.
    if (tenant === undefined) return;
    for (const command of commands) if (!caller.mayCommand(tenant, command)) throw notGranted(command);
  }

  /** What of an endpoint the caller sees. */
  async sight(caller: Caller, endpoint: string): Promise<Sight> {
    if (caller.seesAll) return () => true;
    const tenant = await this.#northbound.tenantOf(endpoint);
    return (paths) => tenant !== undefined && paths.every((path) => caller.maySee(tenant, path));
  }
}

export function notGranted({ op, paths }: CommandScope): ApiError {
  return new ApiError(403, 'ACCESS_DENIED', 'The caller may not do this', { detail: `No grant covers ${op} of ${paths.join(', ')}.` });
}

/** What a command, or something observed, is about; the root where it names no path. */
export function scopeOf({ op, path, paths, values }: { op: CommandScope['op']; path?: string | undefined; paths?: readonly string[] | undefined; values?: readonly { path: string }[] | undefined }): CommandScope {
  const named = [...(path === undefined ? [] : [path]), ...(paths ?? []), ...(path === undefined ? (values ?? []).map((value) => value.path) : [])];
  return { op, paths: named.length === 0 ? ['/'] : named };
}

/** The event as the caller may see it; undefined if not at all. Values that it may not see are left out, raw payloads with them. */
export function seenBy(caller: Caller, event: StreamedEvent): StreamedEvent | undefined {
  const { tenant } = event;
  if (!caller.maySeeTenant(tenant)) return undefined;
  const data = event.data as Partial<CommandStatus> & { values?: readonly { path: string }[]; payloadBase64?: string };
  const sees = (path: string) => caller.maySee(tenant, path);
  if (data.op !== undefined) return scopeOf({ op: data.op, path: data.path, paths: data.paths }).paths.every(sees) ? event : undefined;
  if (data.paths !== undefined && data.values === undefined) return data.paths.every(sees) ? event : undefined;
  if (data.values === undefined) return event;
  const values = data.values.filter(({ path }) => sees(path));
  if (values.length === data.values.length && (data.paths ?? []).every(sees)) return event;
  const { payloadBase64: _, ...rest } = data;
  return values.length === 0 ? undefined : { ...event, data: { ...rest, values, paths: (data.paths ?? []).filter(sees) } };
}
