/** Where the whole server in one process keeps its state and its events: one file in the data directory. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, openSecrets, type Secrets } from '@cluster/config';
import type { EventConsumer, EventPublisher } from '@cluster/events';
import { openEmbeddedEvents } from '@cluster/events-embedded';
import { type EmbeddedStore, openEmbeddedStore } from '@cluster/store-embedded';
import type { Logger } from '@cluster/telemetry';

export interface Embedded {
  readonly secrets: Secrets;
  readonly store: EmbeddedStore;
  readonly publisher: EventPublisher;
  readonly consumer: EventConsumer;
  close(): Promise<void>;
}

const DAYS_KEPT = 7;

/** Opens `lwm2m.db` in the data directory; a restart goes on where the last run ended. */
export async function wireEmbedded(config: Config, log: Logger): Promise<Embedded> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const secrets = await openSecrets(config, log);
  if (secrets === undefined) throw new Error('the secret file of standalone was not made');
  const file = join(config.dataDir, 'lwm2m.db');
  const store = openEmbeddedStore({ file });
  const events = openEmbeddedEvents({ file, retention: { ms: DAYS_KEPT * 86_400_000 } });
  return {
    secrets,
    store,
    publisher: events.publisher(),
    consumer: events.consumer(),
    async close() {
      secrets.close();
      await events.close();
      await store.close();
    },
  };
}
