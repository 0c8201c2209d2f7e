/** Sockets and timers: what drives the sans-IO engines. */
export { monotonicNowMs } from './clock.ts';
export type { UdpCounters } from './counters.ts';
export { type DriverTime, type Engine, EngineDriver } from './driver.ts';
export { formatPeer, parsePeer, type PeerAddress } from './peer.ts';
export { type Datagram, openUdp, type UdpOptions, type UdpTransport } from './udp.ts';
export { UdpBindError } from './udp-socket.ts';
export { Ticks } from './ticks.ts';
