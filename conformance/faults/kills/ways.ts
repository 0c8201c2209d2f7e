/** What lies between devices and edges in a test: a balancer on loopback, a real NAT between network namespaces, or nothing where edges share a port. */
import { NatNetwork, UdpBalancer } from '@cluster/testing';
import type { MemberEnvironment } from '../../src/member.ts';
import { freePorts } from '../../src/server.ts';

export interface Way {
  /** Port that devices send to on 127.0.0.1; undefined: they live in the network's namespace. */
  readonly port: number | undefined;
  readonly network: NatNetwork | undefined;
  /** What edges are told: where they have to listen. */
  readonly env: MemberEnvironment;
  /** The edges that there are from now on; flows of others go to one of them. */
  setEdges(ports: readonly number[]): Promise<void>;
  /** Moves flows among the edges. */
  shuffle(): Promise<void>;
  /** Datagrams that edges sent outside a device's flow, where that is counted. */
  strays(): number | undefined;
  close(): Promise<void>;
}

/** `shared-port`: the kernel gives a device's address to any of the edges, and to another one whenever an edge comes or goes. */
export type WayName = 'balancer' | 'nat' | 'shared-port';

export const openWay: Readonly<Record<WayName, () => Promise<Way>>> = { balancer: openBalancer, nat: openNat, 'shared-port': openSharedPort };

const SHARE_MOVED = 0.3;

async function openBalancer(): Promise<Way> {
  const balancer = await UdpBalancer.open({ workers: [] });
  return {
    port: balancer.port,
    network: undefined,
    env: {},
    setEdges: async (ports) => balancer.setWorkers(ports),
    shuffle: async () => void balancer.moveFlows(SHARE_MOVED),
    strays: () => balancer.strays,
    close: async () => balancer.close(),
  };
}

/** Needs root. Every move moves all flows. */
async function openNat(): Promise<Way> {
  const network = await NatNetwork.open({ workers: [1] });
  return {
    port: undefined,
    network,
    env: { LWM2M_BIND: '0.0.0.0' },
    async setEdges(ports) {
      await network.setWorkers(ports);
      await network.moveFlows();
    },
    shuffle: () => network.moveFlows(),
    strays: () => undefined,
    close: () => network.close(),
  };
}

/** Devices move when they change their own port. */
async function openSharedPort(): Promise<Way> {
  const { coapsPort: port } = await freePorts();
  return {
    port,
    network: undefined,
    env: { LWM2M_COAPS_PORT: String(port), LWM2M_REUSE_PORT: 'on', LWM2M_EGRESS: 'any' },
    setEdges: async () => {},
    shuffle: async () => {},
    strays: () => undefined,
    close: async () => {},
  };
}
