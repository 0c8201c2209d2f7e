/** The configuration that is exported of a device, sealed before it is stored: it may hold passwords. */
import type { firmware } from '@cluster/lwm2m';
import type { Sealer } from '@cluster/secrets';

type Update = firmware.FirmwareUpdate;

const nameOf = ({ id }: Update) => `firmware-keep/${id}`;

/** Without a sealer it stays as it is. What could not be opened stays sealed. */
export function sealed(update: Update, sealer: Sealer | undefined): Update {
  const { keep } = update;
  if (keep === undefined || sealer === undefined || keep.sealed !== undefined || keep.exported.length === 0) return update;
  const { exported, differing, ...rest } = keep;
  const bytes = sealer.seal(nameOf(update), Buffer.from(JSON.stringify({ exported, differing })));
  return { ...update, keep: { ...rest, exported: exported.map(({ path }) => ({ path, values: [] })), sealed: Buffer.from(bytes).toString('base64') } };
}

export function opened(update: Update, sealer: Sealer | undefined): Update {
  const { keep } = update;
  if (keep?.sealed === undefined || sealer === undefined) return update;
  const result = sealer.open(nameOf(update), Buffer.from(keep.sealed, 'base64'));
  if (!result.ok) return update;
  const { sealed: _, ...rest } = keep;
  return { ...update, keep: { ...rest, ...(JSON.parse(Buffer.from(result.plaintext).toString()) as Pick<typeof keep, 'exported' | 'differing'>) } };
}
