/** What a worker needs to serve DTLS: where associations and credentials are kept, the cluster's secrets, and the server's own keys. */
import { type Config, type DtlsFiles, openDtlsFiles, type Secrets } from '@cluster/config';
import { PublishedList } from '@cluster/pki';
import type { AssociationStore, CredentialStore, DocumentStore } from '@cluster/session';
import type { Logger } from '@cluster/telemetry';

export interface DtlsSecurity {
  readonly store: AssociationStore & CredentialStore;
  readonly secrets: Pick<Secrets, 'ring' | 'sealer'>;
  /** Keys, certificates and trust as the files, and the revocation list that the cluster publishes, are now. */
  readonly files: () => DtlsFiles;
  /** Hears when a file or that list changed. */
  onFiles(listener: (files: DtlsFiles) => void): void;
}

/** A revocation counts everywhere within ten seconds. */
const LIST_POLL_MS = 5_000;

/** Reads the server's keys and certificates, and the published revocation list. Throws `ConfigError` if the files can't be used. */
export async function openSecurity(
  config: Config, store: DtlsSecurity['store'] & Pick<DocumentStore, 'documents'>, secrets: Secrets, log: Logger, pollMs = LIST_POLL_MS,
): Promise<DtlsSecurity & { close(): void }> {
  const listeners: ((files: DtlsFiles) => void)[] = [];
  let list: Uint8Array | undefined;
  const changed = (next: DtlsFiles) => {
    const refused = list && next.trust.publishRevocationList(list);
    if (refused !== undefined) log.error({ refused }, 'the published revocation list can not be used');
    files = next;
    for (const listener of listeners) listener(next);
  };
  const opened = await openDtlsFiles(config, changed, log);
  let { files } = opened;
  const published = new PublishedList(store);
  const look = async (): Promise<void> => {
    const next = await published.next();
    if (next === undefined) return;
    list = next;
    changed(files);
  };
  // Where the store is away, what is known goes on to hold.
  const timer = setInterval(() => void look().catch(() => undefined), pollMs).unref();
  await look().catch(() => undefined);
  return {
    store, secrets, files: () => files, onFiles: (listener) => void listeners.push(listener),
    close() {
      clearInterval(timer);
      opened.close();
    },
  };
}
