/** Test cases of the registration interface, 101 to 109 (OMA Transport 1.1.1 §6.4.3). Lifetimes are shorter here than in the source. */
import { eventTypes, type RegistrationValue } from '@cluster/contracts';
import { expect } from 'vitest';
import { leshan, simulator } from '../src/players.ts';
import { describeCases, testCase } from '../src/test-case.ts';

const AWAKE_S = 2;

describeCases('Registration interface', (group) => {
  const anyone = [leshan({ lifetimeS: 60 }), simulator({ lifetimeS: 60 })];

  testCase(group, { id: 'int-101', title: 'Initial Registration' }, anyone, async (trial) => {
    await trial.player.register();
    const { data } = await trial.heard(eventTypes.registered);
    expect(data).toMatchObject({ lifetimeS: 60, lwm2mVersion: '1.1', binding: 'U', queueMode: false });
    const view = await trial.view();
    expect(view).toMatchObject({ state: 'registered', registrationId: (data as RegistrationValue).registrationId });
    const paths = view.objectLinks.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['/1/0', '/3/0']));
    expect(paths.some((path) => /^\/(0|21)(\/|$)/.test(path))).toBe(false);
  });

  testCase(group, { id: 'int-102', title: 'Registration Update' }, anyone, async (trial) => {
    await trial.player.register();
    await trial.write('/1/0/1', 4);
    expect((await trial.heard(eventTypes.updated)).data).toMatchObject({ lifetimeS: 4 });
    await trial.player.stop(); // no further Update
    await trial.heard(eventTypes.expired);
    const after = await trial.scene.rest.endpoint(trial.endpoint); // nothing is desired of it: it may be forgotten already
    expect([undefined, 'expired']).toContain(after?.state);
  });

  testCase(group, { id: 'int-103', title: 'Deregistration' }, anyone, async (trial) => {
    await trial.player.register();
    await trial.observe({ path: '/3/0/9' });
    await trial.heard(eventTypes.notification);
    const { code } = await trial.command({ op: 'execute', path: '/1/0/4' });
    if (code === '4.04') await trial.player.deregister(); // Leshan has no resource Disable
    await trial.heard(eventTypes.deregistered);
    const { state, observations } = await trial.view();
    expect(state).toBe('deregistered');
    expect(observations.filter((observation) => observation.state === 'active')).toEqual([]);
  });

  testCase(group, { id: 'int-104', title: 'Registration Update Trigger' }, anyone, async (trial) => {
    await trial.player.register();
    const before = await trial.view();
    await trial.succeeds('2.04', { op: 'execute', path: '/1/0/8' });
    await trial.heard(eventTypes.updated);
    const after = await trial.view();
    expect(after.registrationId).toBe(before.registrationId);
    expect(Date.parse(after.expiresAt)).toBeGreaterThan(Date.parse(before.expiresAt));
  });

  testCase(group, { id: 'int-105', title: 'Discarded Register Update' }, anyone, async (trial) => {
    await trial.player.register();
    const { registrationId } = (await trial.heard(eventTypes.registered)).data as RegistrationValue;
    await trial.scene.rest.dropRegistration(trial.endpoint);
    await trial.heard(eventTypes.removed);
    const registered = trial.heard(eventTypes.registered);
    void trial.player.update().catch(() => {}); // gets 4.04, whereupon the client registers; Leshan tells of no update
    expect(((await registered).data as RegistrationValue).registrationId).not.toBe(registrationId);
    expect((await trial.view()).state).toBe('registered');
  });

  testCase(group, { id: 'int-107', title: 'Extending the lifetime of a registration' }, anyone, async (trial) => {
    await trial.player.register();
    await trial.write('/1/0/1', 120);
    expect((await trial.heard(eventTypes.updated)).data).toMatchObject({ lifetimeS: 120 });
    const { expiresAt, updatedAt } = await trial.view();
    expect(Date.parse(expiresAt) - Date.parse(updatedAt)).toBe(120_000);
  });
});

describeCases('Registration interface, queue mode', (group) => {
  const sleepers = [leshan({ queueMode: true, lifetimeS: 240 }), simulator({ queueMode: true, lifetimeS: 240 })];

  testCase(group, { id: 'int-108', title: 'Turn on Queue Mode' }, sleepers, async (trial) => {
    await trial.player.register();
    expect((await trial.heard(eventTypes.registered)).data).toMatchObject({ queueMode: true, binding: 'U' });
    expect((await trial.view()).queueMode).toBe(true);
  });

  testCase(group, { id: 'int-109', title: 'Behavior in Queue Mode' }, sleepers, async ({ player, endpoint, scene }) => {
    await player.register();
    await scene.heard(endpoint, eventTypes.asleep);
    expect((await scene.rest.endpoint(endpoint))?.presence.state).toBe('asleep');
    const { id } = await scene.rest.submit(endpoint, { op: 'read', path: '/3/0/0' });
    const queued = await scene.rest.commandStatus(endpoint, id);
    expect(queued).toMatchObject({ state: 'queued', attempts: 0, waitsFor: 'device-message' });
    expect(scene.told(endpoint, eventTypes.commandResult)).toEqual([]);
    await player.update();
    await scene.heard(endpoint, eventTypes.awake);
    const { data } = await scene.heard(endpoint, eventTypes.commandResult);
    expect(data).toMatchObject({ id, state: 'done', attempts: 1, response: { code: '2.05' } });
  });
}, { LWM2M_MAX_TRANSMIT_WAIT_S: String(AWAKE_S) });
