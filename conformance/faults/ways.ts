/** What lies between devices and edges in a test: a balancer on loopback, or a real NAT between network namespaces. */
import { NatNetwork, UdpBalancer } from '@cluster/testing';

export interface Way {
  /** Port that devices send to on 127.0.0.1; undefined: they live in the network's namespace. */
  readonly port: number | undefined;
  readonly network: NatNetwork | undefined;
  /** Where edges have to listen. */
  readonly bind: string;
  /** The edges that there are from now on; flows of others go to one of them. */
  setEdges(ports: readonly number[]): Promise<void>;
  /** Moves flows among the edges. */
  shuffle(): Promise<void>;
  /** Datagrams that edges sent outside a device's flow, where that is counted. */
  strays(): number | undefined;
  close(): Promise<void>;
}

const SHARE_MOVED = 0.3;

export async function openBalancer(): Promise<Way> {
  const balancer = await UdpBalancer.open({ workers: [] });
  return {
    port: balancer.port,
    network: undefined,
    bind: '127.0.0.1',
    setEdges: async (ports) => balancer.setWorkers(ports),
    shuffle: async () => void balancer.moveFlows(SHARE_MOVED),
    strays: () => balancer.strays,
    close: async () => balancer.close(),
  };
}

/** Needs root. Every move moves all flows. */
export async function openNat(): Promise<Way> {
  const network = await NatNetwork.open({ workers: [1] });
  return {
    port: undefined,
    network,
    bind: '0.0.0.0',
    async setEdges(ports) {
      await network.setWorkers(ports);
      await network.moveFlows();
    },
    shuffle: () => network.moveFlows(),
    strays: () => undefined,
    close: () => network.close(),
  };
}
