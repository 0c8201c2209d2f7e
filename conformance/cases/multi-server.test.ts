/** Test cases with two servers, 950 and 951. Two simulated devices of one name stand for the two accounts of a client. */
import { eventTypes } from '@cluster/contracts';
import { defaultObjects, type ObjectSpec } from '@cluster/testing';
import { afterAll, beforeAll, expect } from 'vitest';
import { simulator, simulatorOnly, type SimulatedPlayer } from '../src/players.ts';
import { Scene } from '../src/scene.ts';
import { describeCases, testCase } from '../src/test-case.ts';
import { Trial } from '../src/trial.ts';

describeCases('Multiple servers', (group) => {
  const second = new Scene();
  beforeAll(() => second.open({ mode: 'standalone' }));
  afterAll(() => second.close());
  const oneAccount = simulatorOnly('Leshan registers with one server', simulator({ objects: withShortServerId(1) }));

  testCase(group, { id: 'int-950', title: 'Registration with several servers' }, oneAccount, async (trial) => {
    await atBoth(trial, second, async (trials) => {
      for (const [index, each] of trials.entries()) {
        await each.heard(eventTypes.registered);
        expect(await each.view()).toMatchObject({ state: 'registered' });
        expect(await each.read('/1/0/0')).toEqual({ '/1/0/0': index + 1 });
      }
      const ids = await Promise.all(trials.map(async (each) => (await each.view()).registrationId));
      expect(new Set(ids).size).toBe(2);
    });
  });

  testCase(group, { id: 'int-951', title: 'Several servers and their attributes' }, oneAccount, async (trial) => {
    await atBoth(trial, second, async (trials) => {
      for (const [index, each] of trials.entries()) await each.writeAttributes('/3/0', { pmin: index + 1, pmax: 10 * (index + 1) });
      for (const [index, each] of trials.entries()) {
        expect((await each.discover('/3/0'))[0]).toBe(`</3/0>;pmin=${index + 1};pmax=${10 * (index + 1)}`);
      }
    });
  });
});

/** Registers the client at both servers. */
async function atBoth(trial: Trial, second: Scene, play: (trials: readonly Trial[]) => Promise<void>): Promise<void> {
  const other: SimulatedPlayer = await simulator({ objects: withShortServerId(2) }).open(second, trial.endpoint);
  try {
    await trial.player.register();
    await other.register();
    await play([trial, new Trial(other, second)]);
  } finally {
    await other.stop();
  }
}

function withShortServerId(id: number): ObjectSpec[] {
  return defaultObjects(300, 'U').map((object) => {
    if (object.id !== 1) return object;
    return { ...object, resources: object.resources.map((resource) => (resource.id === 0 ? { ...resource, value: id } : resource)) };
  });
}
