/** Clients that begin with an account at their bootstrap server: with nothing else, or beside one at their server. */
import { BootstrapClient, type BootstrapClientOptions, type LeshanClient, RegistrationRefused, SimulatedDevice, startLeshan, type LeshanDtls } from '@cluster/testing';
import type { CastOne, Player } from './players.ts';
import type { Scene } from './scene.ts';

export interface BootstrapPlayer extends Player {
  /** Asks for its bootstrap; resolves when the session is finished. */
  bootstrap(): Promise<void>;
}

/** Has an account at its server, too. */
export interface FallbackPlayer extends BootstrapPlayer {
  /** Begins anew with the account that it has at its server; where that one refuses it, it goes to its bootstrap server. Resolves when it is registered. */
  comeUp(): Promise<void>;
}

/** What the bootstrap server did, as the simulated device saw it. */
export interface SimulatedBootstrapPlayer extends FallbackPlayer {
  readonly client: BootstrapClient;
}

/** Eclipse Leshan's client; it registers by itself once it is bootstrapped. */
export function bootstrappingLeshan(dtls?: (endpoint: string) => LeshanDtls): CastOne<BootstrapPlayer> {
  return {
    client: 'Leshan',
    async open({ server }, endpoint) {
      const port = dtls === undefined ? server.bootstrap.coapPort : server.bootstrap.coapsPort;
      const client = await startLeshan({ endpoint, port, bootstrap: true, ...(dtls && { dtls: dtls(endpoint) }) });
      const bootstrap = async (): Promise<void> => {
        client.process.command({ do: 'start' });
        await client.next('bootstrapped');
      };
      return { ...playerOf(client, endpoint), bootstrap };
    },
  };
}

/** The same with an account at the server beside it. It goes to its bootstrap server when the server refuses it. */
export function fallingBackLeshan(dtls: (endpoint: string) => { readonly server: LeshanDtls; readonly bootstrap: LeshanDtls }): CastOne<FallbackPlayer> {
  return {
    client: 'Leshan',
    async open({ server }, endpoint) {
      const accounts = dtls(endpoint);
      const fallback = { port: server.bootstrap.coapsPort, security: accounts.bootstrap.security };
      const client = await startLeshan({ endpoint, port: server.coapsPort, dtls: accounts.server, fallback });
      const bootstrap = async (): Promise<void> => void (await client.next('bootstrapped'));
      return { ...playerOf(client, endpoint), bootstrap, comeUp: async () => void (await client.restart()) };
    },
  };
}

/** It registers by itself. */
function playerOf(client: LeshanClient, endpoint: string): Player {
  const { update, deregister, send, setValue, stop } = client;
  const register = async (): Promise<void> => void (await client.next('registered'));
  return { endpoint, register, update, deregister, restart: register, send, setValue, stop };
}

const SERVER_URI = '/0/1/0';
const LIFETIME = '/1/0/1';
const FACTORY_LIFETIME_S = 300;

/** The simulated device: its bootstrap side, then a device that registers where it was told to; at the server, before it was told anything. */
export function bootstrappingSimulator(options: Partial<BootstrapClientOptions> = {}, because?: string): CastOne<SimulatedBootstrapPlayer> {
  return {
    client: 'simulator',
    ...(because === undefined ? {} : { simulatedBecause: because }),
    async open({ server }: Scene, endpoint) {
      const client = await BootstrapClient.open({ endpoint, port: server.bootstrap.coapPort, ...options });
      const started: { device?: SimulatedDevice } = {};
      const device = async (): Promise<SimulatedDevice> => {
        if (started.device !== undefined) return started.device;
        const { value: uri = `coap://127.0.0.1:${server.coapPort}` } = client.values(SERVER_URI)[0] ?? {};
        const { value: lifetimeS = FACTORY_LIFETIME_S } = client.values(LIFETIME)[0] ?? {};
        started.device = new SimulatedDevice({ endpoint, server: String(uri), lifetimeS: Number(lifetimeS) });
        await started.device.open();
        return started.device;
      };
      const bootstrap = async (): Promise<void> => {
        const finished = client.finished();
        const { code } = await client.request();
        if (code !== '2.04') throw new Error(`the bootstrap server answered ${code}`);
        await finished;
        started.device?.kill();
        delete started.device;
      };
      return {
        client, endpoint, bootstrap,
        async comeUp() {
          try {
            await (await device()).register();
          } catch (error) {
            if (!(error instanceof RegistrationRefused)) throw error;
            await bootstrap();
            await (await device()).register();
          }
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
