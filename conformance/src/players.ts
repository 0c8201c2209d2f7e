/** The clients that play test cases, behind the few things that every case asks of one. */
import { SimulatedDevice, SimulatedFirmware, startLeshan, type DeviceOptions, type FirmwareTroubles, type LeshanClient, type LeshanOptions } from '@cluster/testing';
import type { Scene } from './scene.ts';

/** A client as cases see it. */
export interface Player {
  readonly endpoint: string;
  register(): Promise<void>;
  update(): Promise<void>;
  deregister(): Promise<void>;
  /** Registers anew without a De-register, as after a reboot. */
  restart(): Promise<void>;
  /** Sends the values at the paths. Returns the answer's code; undefined where the server has muted it. */
  send(paths: readonly string[], contentFormat: number): Promise<string | undefined>;
  setValue(path: string, value: string | number | boolean): void;
  /** Falls silent without a word to the server. */
  stop(): Promise<void>;
}

/** The simulated device, with its knobs. */
export interface SimulatedPlayer extends Player {
  readonly device: SimulatedDevice;
}

/** A client that takes packages. */
export interface FirmwarePlayer extends Player {
  /** Runs version 1.0, and another one after an update; fails as it is told. Returns the SHA-256 of the next package that it takes. */
  updatesTo(becomes: string, troubles?: FirmwareTroubles): Promise<() => Promise<string | undefined>>;
}

/** Who plays, and how the client is started. */
export interface CastOne<P extends Player = Player> {
  readonly client: string;
  readonly simulatedBecause?: string;
  open(scene: Scene, endpoint: string): Promise<P>;
}

/** Eclipse Leshan's client. */
export function leshan(options: Omit<LeshanOptions, 'endpoint' | 'port'> = {}): CastOne {
  return {
    client: 'Leshan',
    async open(scene, endpoint) {
      return playerOfLeshan(await startLeshan({ endpoint, port: scene.server.coapPort, ...options }), endpoint);
    },
  };
}

function playerOfLeshan(client: LeshanClient, endpoint: string): Player {
  const { update, deregister, send, setValue, stop } = client;
  const register = async (): Promise<void> => void (await client.register());
  const restart = async (): Promise<void> => void (await client.restart());
  return { endpoint, register, update, deregister, restart, send, setValue, stop };
}

/** Eclipse Leshan's client with an object 5 that takes packages: pushed ones, and by Californium those that it pulls. */
export function leshanWithFirmware(): CastOne<FirmwarePlayer> {
  return {
    client: 'Leshan',
    async open(scene, endpoint) {
      const client = await startLeshan({ endpoint, port: scene.server.coapPort, firmware: true });
      const updatesTo = async (becomes: string, troubles: FirmwareTroubles = {}) => {
        await client.updatesTo(becomes, troubles);
        return () => client.packageTaken();
      };
      return { ...playerOfLeshan(client, endpoint), updatesTo };
    },
  };
}

/** The simulated device, registered, whose firmware is updated. */
export function simulatorWithFirmware(): CastOne<FirmwarePlayer & SimulatedPlayer> {
  return {
    client: 'simulator',
    async open(scene, endpoint) {
      const player = await simulator().open(scene, endpoint);
      await player.register();
      const updatesTo = (becomes: string, troubles: FirmwareTroubles = {}) => {
        const { taken } = new SimulatedFirmware(player.device, becomes, troubles);
        return Promise.resolve(() => Promise.resolve(taken.at(-1)));
      };
      return { ...player, updatesTo };
    },
  };
}

/** The simulated device beside a third-party client. */
export function simulator(options: Omit<DeviceOptions, 'endpoint' | 'server'> = {}): CastOne<SimulatedPlayer> {
  return {
    client: 'simulator',
    async open(scene, endpoint) {
      const device = new SimulatedDevice({ endpoint, server: `coap://127.0.0.1:${scene.server.coapPort}`, ...options });
      await device.open();
      return playerOf(device, endpoint);
    },
  };
}

/** The simulated device alone, with the reason why no third-party client plays the case. */
export function simulatorOnly(because: string, cast = simulator()): CastOne<SimulatedPlayer>[] {
  return [{ ...cast, simulatedBecause: because }];
}

function playerOf(device: SimulatedDevice, endpoint: string): SimulatedPlayer {
  return {
    device,
    endpoint,
    register: () => device.register(),
    update: async () => void (await device.update()),
    deregister: async () => void (await device.deregister()),
    restart: () => device.register(),
    send: (paths, contentFormat) => device.send(paths, contentFormat),
    setValue: (path, value) => device.setValue(path, value),
    stop: async () => device.kill(),
  };
}
