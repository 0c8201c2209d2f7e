/** Test cases with two servers, 3, 950 and 951. Two clients of one name stand for the two accounts of a device. */
import { eventTypes } from '@cluster/contracts';
import { defaultObjects, type ObjectSpec } from '@cluster/testing';
import { afterAll, beforeAll, expect } from 'vitest';
import { type CastOne, leshan, simulator, simulatorOnly, type SimulatedPlayer } from '../src/players.ts';
import { Scene } from '../src/scene.ts';
import { describeCases, testCase } from '../src/test-case.ts';
import { Trial } from '../src/trial.ts';

describeCases('Multiple servers', (group) => {
  const second = new Scene();
  beforeAll(() => second.open({ mode: 'standalone' }));
  afterAll(() => second.close());
  const oneAccount = simulatorOnly('Leshan registers with one server', simulator({ objects: withShortServerId(1) }));

  // What a client starts with stands for what it finds on its card: the card of a server X, then that of a server Y. Row F26
  const cards: readonly ((lifetimeS: number) => CastOne)[] = [(lifetimeS) => leshan({ lifetimeS }), (lifetimeS) => simulator({ lifetimeS })];
  for (const card of cards) {
    testCase(group, { id: 'int-3', title: 'Simple Bootstrap from Smartcard' }, [card(86_400)], async (trial) => {
      await trial.player.register();
      await trial.heard(eventTypes.registered);
      expect(await trial.read('/1/0/1')).toEqual({ '/1/0/1': 86_400 });
      await trial.player.stop();
      const other = new Trial(await card(43_200).open(second, trial.endpoint), second);
      try {
        await other.player.register();
        await other.heard(eventTypes.registered);
        expect(await other.read('/1/0/1')).toEqual({ '/1/0/1': 43_200 });
      } finally {
        await other.player.stop();
      }
      // X was told nothing: what it has of the device ends by itself, a lifetime after the last that it heard.
      const { state, updatedAt, expiresAt } = await trial.view();
      expect(state).toBe('registered');
      expect(Date.parse(expiresAt) - Date.parse(updatedAt)).toBe(86_400_000);
    });
  }

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
