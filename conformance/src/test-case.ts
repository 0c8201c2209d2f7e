/** OMA test cases as tests: each is played by one or more clients against a standalone server of its own group. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { CastOne, Player } from './players.ts';
import { Scene } from './scene.ts';
import type { StartOptions } from './server.ts';
import { Trial } from './trial.ts';

/** What identifies a test case in the specification of the enabler's tests. */
export interface CaseName {
  /** "int-101" of LightweightM2M-1.1. */
  readonly id: string;
  readonly title: string;
}

/** What a test leaves for the report. */
export interface CasePlay extends CaseName {
  readonly group: string;
  readonly client: string;
  /** Why no third-party client plays it; undefined where one does. */
  readonly simulatedBecause?: string;
}

declare module 'vitest' {
  interface TaskMeta {
    testCase?: CasePlay;
  }
}

/** The case could be neither passed nor failed: what it needs was not there. */
class Inconclusive extends Error {
  readonly code = 'CASE_INCONCLUSIVE';
  override readonly name = 'Inconclusive';
}

/** A group of cases with one server. */
export interface CaseGroup {
  readonly scene: Scene;
  readonly title: string;
}

/** Opens a standalone server for the cases of a group. A registration expires with its lifetime: no grace. */
export function describeCases(title: string, cases: (group: CaseGroup) => void, env: StartOptions['env'] = {}): void {
  describe(`${title}`, () => {
    const scene = new Scene();
    beforeAll(() => scene.open({ mode: 'standalone', env: { LWM2M_EXPIRY_GRACE_S: '0', ...env } }));
    afterAll(() => scene.close());
    cases({ scene, title });
  });
}

/**
 * One case, played once by each of the clients. A client is started for it and not registered yet, unless it is one that
 * the group shares.
 */
export function testCase<P extends Player>(
  group: CaseGroup, name: CaseName, clients: readonly CastOne<P>[], play: (trial: Trial<P>) => Promise<void>,
): void {
  for (const { client, open, simulatedBecause } of clients) {
    const because = simulatedBecause === undefined ? {} : { simulatedBecause };
    const testCase: CasePlay = { ...name, group: group.title, client, ...because };
    it(`${name.id} ${name.title}, ${client}`, { meta: { testCase } }, async () => {
      const player = await open(group.scene, `${name.id}-${client}`).catch((cause: unknown) => {
        throw new Inconclusive(`${client} did not start`, { cause });
      });
      try {
        await play(new Trial(player, group.scene));
      } finally {
        await player.stop();
      }
    });
  }
}

/** A client that is started and registered once for all cases of the enclosing group that it plays. */
export function shared<P extends Player>(cast: CastOne<P>): CastOne<P> {
  let started: Promise<P> | undefined;
  const start = async (scene: Scene): Promise<P> => {
    const player = await cast.open(scene, `${cast.client}-shared`);
    await player.register();
    return player;
  };
  afterAll(async () => (await started)?.stop());
  return {
    ...cast,
    open: async (scene) => {
      started ??= start(scene);
      return { ...(await started), stop: async () => {} };
    },
  };
}
