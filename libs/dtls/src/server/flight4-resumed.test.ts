import { encodeUtf8 } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { CLUSTER_KEYS, ring, seededIntegers } from '../../test/fixtures.ts';
import { TestNetwork } from '../../test/network.ts';
import { WITH_CID, newClient, newStore, newWorker } from '../../test/peers.ts';
import type { TestStore, TestWorker } from '../../test/store.ts';
import { decodeFixed } from '../association/record.ts';
import type { ClientSession, DtlsClientOptions } from '../client/options.ts';
import type { DtlsServerOptions } from './options.ts';

/** A handshake over a fair network, by a worker of its own. */
function shake(store: TestStore, client: Partial<DtlsClientOptions>, server: Partial<DtlsServerOptions> = {}, seed = 1): { network: TestNetwork; worker: TestWorker; session: ClientSession } {
  const worker = newWorker(store, server, seed);
  const network = new TestNetwork(worker, seededIntegers(seed));
  const device = newClient('psk', client, seed + 100);
  network.add('device', device);
  device.connect(network.nowMs);
  network.run(network.nowMs + 5_000);
  return { network, worker, session: network.happened('device', 'connected')[0]?.session ?? ({} as ClientSession) };
}

const how = (worker: TestWorker): string[] => worker.of('established').map((event) => event.how);

describe.each([
  ['session id', false],
  ['ticket', true],
] as const)('resumption by %s', (_, tickets) => {
  it('serves another worker’s session, with new keys and a new Connection ID (rows B8, B107)', () => {
    const store = newStore();
    const first = shake(store, { tickets, ...WITH_CID });
    const second = shake(store, { tickets, ...WITH_CID, session: first.session }, {}, 2);
    expect(how(second.worker)).toEqual(['resumption']);
    expect(second.worker.of('psk-wanted')).toEqual([]);
    const [before, after] = [first, second].map(({ worker }) => worker.of('established')[0]!);
    expect(after!.credential).toEqual(before!.credential);
    expect(after!.cid).not.toEqual(before!.cid);
    const [old, fresh] = [...store.fixed.values()].map((fixed) => decodeFixed(fixed)!);
    expect(fresh!.keyBlock).not.toEqual(old!.keyBlock);
    // It was proved by the first handshake, and grows no younger.
    expect(fresh!.provedAtMs).toBe(old!.provedAtMs);
  });

  it('is stored before its flight leaves, but only provisionally: nobody has proved anything yet', () => {
    const store = newStore();
    const { session } = shake(store, { tickets });
    const { worker } = shake(store, { tickets, session }, {}, 2);
    expect(worker.of('store-wanted')).toMatchObject([{ provisional: true }]);
    expect(worker.happened.map(({ kind }) => kind)).toEqual(['resumption-wanted', 'store-wanted', 'established']);
  });

  it.each<[string, Partial<DtlsClientOptions>, Partial<DtlsServerOptions>]>([
    ['the credential was revoked', {}, {}],
    ['its suite is not offered any more', { cipherSuites: [0x00a8] }, {}],
    ['its suite is switched off', {}, { cipherSuites: [0x00a8, 0x00ae] }],
    ['its keys are the cluster’s no more', {}, { keys: { ...CLUSTER_KEYS, cid: ring(12), ticket: ring(13) } }],
  ])('gives way to a full handshake when %s', (what, client, server) => {
    const store = newStore();
    const { session } = shake(store, { tickets, cipherSuites: [0xc0a8, 0x00a8] });
    if (what.includes('revoked')) store.revoked.add('DEVICE01');
    const { worker } = shake(store, { tickets, cipherSuites: [0xc0a8, 0x00a8], session, ...client }, server, 2);
    expect(how(worker)).toEqual(['handshake']);
  });

  it('of a session without extended master secret becomes a full handshake with it (RFC 7627 §5.3)', () => {
    const store = newStore();
    const { session } = shake(store, { tickets, extendedMasterSecret: false });
    expect(how(shake(store, { tickets, session }, {}, 2).worker)).toEqual(['handshake']);
    expect(how(shake(store, { tickets, session, extendedMasterSecret: false }, {}, 3).worker)).toEqual(['resumption']);
  });

  it('of a session with extended master secret, without it, is refused (RFC 7627 §5.3)', () => {
    const store = newStore();
    const { session } = shake(store, { tickets });
    const { worker, network } = shake(store, { tickets, session, extendedMasterSecret: false }, {}, 2);
    expect(worker.of('refused')).toMatchObject([{ reason: 'extended-master-secret', alert: 40 }]);
    expect(network.happened('device', 'failed')).toHaveLength(1);
  });

  it('by one who has not the secret ends without an association', () => {
    const store = newStore();
    const { session } = shake(store, { tickets });
    const { worker, network } = shake(store, { tickets, session: { ...session, masterSecret: new Uint8Array(48) } }, {}, 2);
    network.run(network.nowMs + 200_000);
    expect(how(worker)).toEqual([]);
    expect(worker.server.usage).toMatchObject({ handshakes: 0, associations: 0 });
  });

  it('whose storing fails ends in silence, and the client tries again', () => {
    const store = newStore();
    const { session } = shake(store, { tickets });
    const worker = newWorker(store, {}, 2);
    const network = new TestNetwork(worker, seededIntegers(2));
    worker.silent = (event) => event.kind === 'store-wanted';
    const device = newClient('psk', { tickets, session });
    network.add('device', device);
    device.connect(network.nowMs);
    network.run(network.nowMs + 100);
    worker.server.answer(network.nowMs, worker.of('store-wanted')[0]!.question, false);
    worker.silent = undefined;
    network.run(network.nowMs + 10_000);
    expect(worker.of('refused')).toMatchObject([{ reason: 'not-stored' }]);
    expect(how(worker)).toEqual(['resumption']);
    device.send(encodeUtf8('up'));
    network.run(network.nowMs + 1_000);
    expect(worker.of('data')).toHaveLength(1);
  });
});
