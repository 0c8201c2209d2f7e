/** What each end-to-end test has: a server in one of its modes, its REST API and its events, from the stream and from Kafka. */
import type { EventType, StreamedEvent } from '@cluster/contracts';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { EventFilter } from './event-log.ts';
import { openEventStream, type EventStream } from './event-stream.ts';
import { openKafkaTap, type KafkaTap } from './kafka-tap.ts';
import { Rest } from './rest.ts';
import { startServer, type Mode, type Server, type StartOptions } from './server.ts';

/** The parts of a scene; they are there once the tests run. */
export class Scene {
  #server: Server | undefined;
  #rest: Rest | undefined;
  #stream: EventStream | undefined;
  #kafka: KafkaTap | undefined;

  get server(): Server {
    return present(this.#server);
  }

  get rest(): Rest {
    return present(this.#rest);
  }

  /** Starts the server and opens its event sources. */
  async open(options: StartOptions): Promise<void> {
    this.#server = await startServer(options);
    this.#rest = new Rest(this.#server.httpPort);
    this.#stream = await openEventStream(this.#server.httpPort);
    if (this.#server.mode === 'cluster') this.#kafka = await openKafkaTap(this.#server.kafkaBrokers);
  }

  async close(): Promise<void> {
    this.#stream?.close();
    await this.#kafka?.close();
    await this.#server?.stop();
  }

  /** Events of a type that the stream has told so far. */
  told(endpoint: string, type: EventType): StreamedEvent[] {
    return present(this.#stream).log.seen.filter((event) => event.endpoint === endpoint && event.type === type);
  }

  /** Waits for an event on the stream and, in cluster mode, for the same one in Kafka. */
  async heard(endpoint: string, type: EventType, filter?: EventFilter): Promise<StreamedEvent> {
    const streamed = await present(this.#stream).log.next(endpoint, type, filter);
    if (this.#kafka === undefined) return streamed;
    const stored = await this.#kafka.log.next(endpoint, type, (event) => event.id === streamed.id);
    expect(stored).toEqual(streamed);
    return streamed;
  }
}

/** Runs tests against both modes of the server, with further environment where it is given. */
export function describeServer(name: string, tests: (scene: Scene) => void, env: StartOptions['env'] = {}): void {
  describe.each<Mode>(['standalone', 'cluster'])(`${name}, %s`, (mode) => {
    const scene = new Scene();
    beforeAll(() => scene.open({ mode, env }));
    afterAll(() => scene.close());
    tests(scene);
  });
}

/** An event whose report has this value at the path. */
export function reports(path: string, value: unknown): EventFilter {
  return ({ data }) => {
    const { values } = data as { values?: { path: string; value: unknown }[] };
    return values?.some((entry) => entry.path === path && entry.value === value) ?? false;
  };
}

function present<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the scene is not open');
  return part;
}
