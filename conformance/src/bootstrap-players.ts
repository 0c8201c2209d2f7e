/** Clients that begin with nothing but an account at their bootstrap server. */
import { BootstrapClient, type BootstrapClientOptions, SimulatedDevice, startLeshan, type LeshanDtls } from '@cluster/testing';
import type { CastOne, Player } from './players.ts';
import type { Scene } from './scene.ts';

export interface BootstrapPlayer extends Player {
  /** Asks for its bootstrap; resolves when the session is finished. */
  bootstrap(): Promise<void>;
}

/** What the bootstrap server did, as the simulated device saw it. */
export interface SimulatedBootstrapPlayer extends BootstrapPlayer {
  readonly client: BootstrapClient;
}

/** Eclipse Leshan's client; it registers by itself once it is bootstrapped. */
export function bootstrappingLeshan(dtls?: (endpoint: string) => LeshanDtls): CastOne<BootstrapPlayer> {
  return {
    client: 'Leshan',
    async open({ server }, endpoint) {
      const port = dtls === undefined ? server.bootstrap.coapPort : server.bootstrap.coapsPort;
      const client = await startLeshan({ endpoint, port, bootstrap: true, ...(dtls && { dtls: dtls(endpoint) }) });
      const { update, deregister, send, setValue, stop } = client;
      const bootstrap = async (): Promise<void> => {
        client.process.command({ do: 'start' });
        await client.next('bootstrapped');
      };
      const register = async (): Promise<void> => void (await client.next('registered'));
      return { endpoint, bootstrap, register, update, deregister, restart: register, send, setValue, stop };
    },
  };
}

const SERVER_URI = '/0/1/0';
const LIFETIME = '/1/0/1';

/** The simulated device: its bootstrap side, then a device that registers where it was told to. */
export function bootstrappingSimulator(options: Partial<BootstrapClientOptions> = {}, because?: string): CastOne<SimulatedBootstrapPlayer> {
  return {
    client: 'simulator',
    ...(because === undefined ? {} : { simulatedBecause: because }),
    async open({ server }: Scene, endpoint) {
      const client = await BootstrapClient.open({ endpoint, port: server.bootstrap.coapPort, ...options });
      const started: { device?: SimulatedDevice } = {};
      const device = async (): Promise<SimulatedDevice> => {
        if (started.device !== undefined) return started.device;
        started.device = new SimulatedDevice({ endpoint, server: String(valueOf(client, SERVER_URI)), lifetimeS: Number(valueOf(client, LIFETIME)) });
        await started.device.open();
        return started.device;
      };
      return {
        client, endpoint,
        async bootstrap() {
          const finished = client.finished();
          const { code } = await client.request();
          if (code !== '2.04') throw new Error(`the bootstrap server answered ${code}`);
          await finished;
        },
        register: async () => (await device()).register(),
        update: async () => void (await (await device()).update()),
        deregister: async () => void (await (await device()).deregister()),
        restart: async () => (await device()).register(),
        send: async (paths, format) => (await device()).send(paths, format),
        setValue: (path, value) => started.device?.setValue(path, value),
        async stop() {
          client.close();
          started.device?.kill();
        },
      };
    },
  };
}

/** What the device was written at a path. */
function valueOf(client: BootstrapClient, path: string): unknown {
  const [value] = client.values(path);
  if (value === undefined) throw new Error(`the device was not written ${path}`);
  return value.value;
}
