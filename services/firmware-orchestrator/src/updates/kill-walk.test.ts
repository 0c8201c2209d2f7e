/**
 * An update, and an operation on a software, whose orchestrator dies before or after each step that it takes at the store, the
 * queue or the broker: whoever comes next goes on, the device is asked for nothing twice that starts something, and every
 * stage is told, each under one id.
 */
import type { CommandRequest } from '@cluster/contracts';
import { firmware, software } from '@cluster/lwm2m';
import { expect, test } from 'vitest';
import { SoftwareTurn } from '../software/software-turn.ts';
import { OPTIONS, type Play, World } from '../testing/world.ts';
import { UpdateTurn } from './update-turn.ts';

const PACKAGE = { id: 'p'.repeat(22), version: '2.0', target: {} };
const type = 'integer' as const;

/** It counts what starts something. */
class FirmwareDevice {
  readonly counts = { downloads: 0, installs: 0, restorations: 0 };
  #password = 'hush';
  #state = 0;
  #result = 0;
  #version = '1.0';

  take({ op, path = '', value, values }: CommandRequest) {
    if (path.startsWith('/11')) return this.#configure(op, values);
    if (op === 'read' || op === 'observe') {
      const object = [{ path: '/5/0/3', value: this.#state, type }, { path: '/5/0/5', value: this.#result, type }];
      return { code: '2.05', values: path === '/3/0' ? [{ path: '/3/0/3', value: this.#version, type }] : object };
    }
    if (path === '/5/0/1' && value !== '') {
      this.counts.downloads += 1;
      [this.#state, this.#result] = [2, 0];
    }
    if (path === '/5/0/2') {
      this.counts.installs += 1;
      [this.#state, this.#result, this.#version, this.#password] = [0, 1, '2.0', ''];
    }
    return { code: '2.04', values: [] };
  }

  #configure(op: CommandRequest['op'], values: CommandRequest['values']) {
    if (op === 'read') return { code: '2.05', values: [{ path: '/11/0/6', value: this.#password, type }] };
    this.counts.restorations += 1;
    this.#password = String(values?.[0]?.value);
    return { code: '2.04', values: [] };
  }
}

class SoftwareDevice {
  readonly counts = { downloads: 0, installs: 0, activations: 0, uninstalls: 0 };
  #state = 4;
  #result = 2;
  #version = '1.0';
  #active = true;

  take({ op, path = '' }: CommandRequest) {
    if (op === 'read' || op === 'observe') {
      const values = [{ path: '/9/2/1', value: this.#version, type }, { path: '/9/2/7', value: this.#state, type }, { path: '/9/2/9', value: this.#result, type }, { path: '/9/2/12', value: this.#active, type }];
      return { code: '2.05', values };
    }
    if (path === '/9/2/6') this.#becomes('uninstalls', 0, 0, false);
    if (path === '/9/2/3') this.#becomes('downloads', 3, 3, false);
    if (path === '/9/2/4') this.#becomes('installs', 4, 2, false);
    if (path === '/9/2/10') this.#becomes('activations', 4, 2, true);
    return { code: '2.04', values: [] };
  }

  #becomes(count: keyof SoftwareDevice['counts'], state: number, result: number, active: boolean): void {
    this.counts[count] += 1;
    [this.#state, this.#result, this.#active, this.#version] = [state, result, active, state === 0 ? '' : '2.0'];
  }
}

const request = { delivery: 'pull', force: false, downloadTimeoutS: 3_600, updateTimeoutS: 600 } as const;
const firmwarePlay = (keep: '/11'[] = []): Play<firmware.FirmwareUpdate> => ({
  turn: (deps) => new UpdateTurn(deps, OPTIONS),
  begin: (scene) => firmware.begin({ id: 'u', package: PACKAGE, request: { ...request, keep }, objectVersion: '1.0', secure: false }, scene),
  decode: firmware.decodeUpdate,
  dueMs: firmware.dueMs,
  update: (update) => update,
  commandId: firmware.firmwareCommandId,
});

const install = { state: 'active', delivery: 'pull', install: 'server', force: false, downloadTimeoutS: 3_600, installTimeoutS: 600 } as const;
const softwarePlay: Play<software.SoftwareRecord> = {
  turn: (deps) => new SoftwareTurn(deps, OPTIONS),
  begin: (scene) => ({ instances: [software.begin({ id: 'u', instance: 2, package: PACKAGE, request: install, secure: false }, scene)] }),
  decode: software.decodeSoftware,
  dueMs: software.dueMs,
  update: ({ instances }) => instances[0]!,
  commandId: software.softwareCommandId,
};

const HEARS = [['hears the ends of its commands', false], ['hears nothing, and looks', true]] as const;

test.each(HEARS)('an orchestrator of firmware that %s may die at any step', async (_name, deaf) => {
  await everywhere(() => {
    const device = new FirmwareDevice();
    return { device, world: (dieAt) => new World(firmwarePlay(), device, dieAt) };
  }, deaf, {
    counts: { downloads: 1, installs: 1, restorations: 0 }, told: ['inquiring', 'delivering', 'downloading', 'downloaded', 'updating', 'verifying', 'succeeded'],
  });
});

test.each(HEARS)('an orchestrator that keeps a configuration and %s may die at any step, and stores it sealed', async (_name, deaf) => {
  await everywhere(() => {
    const device = new FirmwareDevice();
    return { device, world: (dieAt) => new World(firmwarePlay(['/11']), device, dieAt) };
  }, deaf, {
    counts: { downloads: 1, installs: 1, restorations: 1 },
    told: ['inquiring', 'delivering', 'downloading', 'downloaded', 'keeping', 'downloaded', 'updating', 'verifying', 'restoring', 'succeeded'],
  });
});

test.each(HEARS)('an orchestrator of software that %s may die at any step', async (_name, deaf) => {
  await everywhere(() => {
    const device = new SoftwareDevice();
    return { device, world: (dieAt) => new World(softwarePlay, device, dieAt) };
  }, deaf, {
    counts: { downloads: 1, installs: 1, activations: 1, uninstalls: 1 },
    told: ['inquiring', 'preparing', 'delivering', 'downloading', 'delivered', 'installing', 'verifying', 'activating', 'succeeded'],
  });
});

type Setting = () => { device: { readonly counts: object }; world: (dieAt: number) => World<unknown> };

async function everywhere(set: Setting, deaf: boolean, expected: { counts: object; told: string[] }): Promise<void> {
  const whole = set().world(Infinity);
  await whole.play(deaf);
  expect(whole.steps).toBeGreaterThan(10);
  for (let dieAt = 1; dieAt <= whole.steps * 2; dieAt++) {
    const { device, world } = set();
    const one = world(dieAt);
    await one.play(deaf);
    expect({ dieAt, counts: device.counts, told: one.stages }).toEqual({ dieAt, ...expected });
    expect(one.records.filter((record) => record.includes('hush'))).toEqual([]);
  }
}
