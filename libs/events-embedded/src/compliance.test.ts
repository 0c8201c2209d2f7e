import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Topic } from '@cluster/contracts';
import { eventsCompliance, type EventsHarness } from '@cluster/testing';
import { openEmbeddedEvents } from './index.ts';

const HOUR_MS = 3_600_000;

eventsCompliance('embedded log', async (): Promise<EventsHarness> => {
  const directory = await mkdtemp(join(tmpdir(), 'events-'));
  let nowMs = 0;
  const open = () => openEmbeddedEvents({ file: join(directory, 'log.db'), retention: { ms: HOUR_MS }, now: () => nowMs });
  let events = open();
  let topics = 0;
  return {
    topic: async () => `topic-${topics++}` as Topic,
    publisher: async () => events.publisher(),
    consumer: async () => events.consumer(),
    async restart() {
      await events.close();
      events = open();
    },
    async expire() {
      nowMs += HOUR_MS + 1;
      events.retain();
    },
    async close() {
      await events.close();
      await rm(directory, { recursive: true });
    },
  };
});
