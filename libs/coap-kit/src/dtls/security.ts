/** What a worker needs to serve DTLS: where associations and credentials are kept, the cluster's secrets, and the server's own keys. */
import { type Config, type DtlsFiles, openDtlsFiles, type Secrets } from '@cluster/config';
import type { AssociationStore, CredentialStore } from '@cluster/session';
import type { Logger } from '@cluster/telemetry';

export interface DtlsSecurity {
  readonly store: AssociationStore & CredentialStore;
  readonly secrets: Pick<Secrets, 'ring' | 'sealer'>;
  /** Keys, certificates and trust as the files are now. */
  readonly files: () => DtlsFiles;
  /** Hears when a file changed. */
  onFiles(listener: (files: DtlsFiles) => void): void;
}

/** Reads the server's keys and certificates. Throws `ConfigError` if they can't be used. */
export async function openSecurity(
  config: Config, store: DtlsSecurity['store'], secrets: Secrets, log: Logger,
): Promise<DtlsSecurity & { close(): void }> {
  const listeners: ((files: DtlsFiles) => void)[] = [];
  const changed = (next: DtlsFiles) => {
    files = next;
    for (const listener of listeners) listener(next);
  };
  const opened = await openDtlsFiles(config, changed, log);
  let { files } = opened;
  return { store, secrets, files: () => files, onFiles: (listener) => void listeners.push(listener), close: () => opened.close() };
}
