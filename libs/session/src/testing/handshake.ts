/** A device and a worker that shake hands in memory: the DTLS engine on both sides, and the credentials of a cluster behind the server. */
import { DtlsClient, type DtlsClientEvent, type DtlsClientOptions, DtlsServer, type DtlsServerEvent, type ServerCredential } from '@cluster/dtls';
import { randomBytes } from 'node:crypto';
import type { CredentialLookup, PeerVerdicts } from '../index.ts';
import type { CredentialWorld } from './credential-world.ts';

export interface Outcome {
  /** What the device saw. */
  readonly client: DtlsClientEvent | undefined;
  /** The version of the credential, where the handshake was completed. */
  readonly version: number | undefined;
  readonly deviceNumber: string | undefined;
}

export interface Worker {
  readonly lookup: CredentialLookup;
  readonly verdicts: PeerVerdicts;
  readonly server: DtlsServer;
}

export function openWorker(world: CredentialWorld, verdicts: PeerVerdicts, lookup: CredentialLookup, credentials: readonly ServerCredential[]): Worker {
  const keys = { cookie: world.ring.all('cookie'), cid: world.ring.all('cid'), ticket: world.ring.all('ticket') };
  return { lookup, verdicts, server: new DtlsServer({ random: randomBytes, keys, credentials }) };
}

/** Runs one handshake to its end. */
export async function shakeHands(world: CredentialWorld, worker: Worker, options: Omit<DtlsClientOptions, 'random'>): Promise<Outcome> {
  const { server } = worker;
  const peer = `udp:${randomBytes(4).toString('hex')}:1`;
  const device = new DtlsClient({ random: randomBytes, ...options });
  device.connect(world.nowMs);
  let [client, established]: [DtlsClientEvent | undefined, (DtlsServerEvent & { kind: 'established' }) | undefined] = [undefined, undefined];
  for (let turn = 0; turn < 60 && client === undefined; turn++) {
    const polled = device.poll();
    client = polled.events[0];
    for (const bytes of polled.datagrams) server.handle(world.nowMs, { peer, bytes });
    const { datagrams, events } = server.poll();
    for (const event of events) {
      if (event.kind === 'established') established = event;
      await answer(world, worker, event);
    }
    for (const { bytes } of datagrams) device.handle(world.nowMs, bytes);
    if (polled.datagrams.length + datagrams.length + events.length > 0) continue;
    // Nothing is on its way: the time of the next retransmission comes.
    world.nowMs += 1_000;
    device.timeout(world.nowMs);
    server.timeout(world.nowMs);
  }
  return { client, version: established?.credential.credentialVersion, deviceNumber: established?.credential.deviceNumber };
}

async function answer({ nowMs }: CredentialWorld, { server, verdicts, lookup }: Worker, event: DtlsServerEvent): Promise<void> {
  switch (event.kind) {
    case 'psk-wanted':
      return server.answer(nowMs, event.question, await verdicts.psk(event.identity, nowMs));
    case 'verdict-wanted':
      return server.answer(nowMs, event.question, await (event.credential === 'rpk' ? verdicts.rpk(event.chain[0]!, nowMs) : verdicts.x509(event.chain, nowMs)));
    case 'store-wanted':
      return server.answer(nowMs, event.question, true);
    case 'resumption-wanted': {
      const ok = event.credential !== undefined && (await lookup.areLive([event.credential], nowMs))[0] === true;
      return server.answer(nowMs, event.question, { ok });
    }
    case 'established':
      return lookup.used(event.credential, nowMs);
    default:
      return undefined;
  }
}
