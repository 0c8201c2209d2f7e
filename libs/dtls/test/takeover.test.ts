/** Associations that outlive their worker: Connection IDs, takeovers, and what must not make one happen. */
import { encodeUtf8 } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import type { AssociationMoving, RecordDrop } from '../src/index.ts';
import { CID_LENGTH, encodeMoving } from '../src/index.ts';
import { seededIntegers } from './fixtures.ts';
import { TestNetwork } from './network.ts';
import { DEVICE, WITH_CID, newClient, newStore, newWorker } from './peers.ts';
import { connected, handle, heard, lastSent, moving, nonces, replaceWorker, say, settle } from './scene.ts';
import type { TestStore } from './store.ts';

describe('when its worker dies, a device with a Connection ID', () => {
  it('goes on with any other: no handshake, data both ways, no number or nonce twice (row B8)', () => {
    const scene = connected();
    const { network, client } = scene;
    say(network, client, 'one');
    for (let death = 1; death <= 20; death++) {
      const next = replaceWorker(scene, {}, death);
      say(network, client, `after ${death}`);
      expect(heard(next)).toEqual([`after ${death}`]);
      expect(next.of('established')).toMatchObject([{ how: 'takeover', fence: death + 1, peer: 'device', credential: { deviceNumber: DEVICE, credentialVersion: 7 } }]);
      for (let answer = 0; answer < 3; answer++) next.server.send(handle(next), encodeUtf8('down'));
      settle(network);
      expect(next.server.counters).toMatchObject({ handshakesBegun: 0, adopted: 1 });
    }
    expect(network.happened('device', 'data')).toHaveLength(60);
    const all = nonces(network);
    expect(new Set(all).size).toBe(all.length);
    // The low 40 bits are the sequence number: unique by themselves, since the blocks are stored.
    expect(new Set(all.map((nonce) => nonce.slice(6))).size).toBe(all.length);
  });

  it('gets other nonces even if a lost write makes sequence numbers repeat', () => {
    const scene = connected();
    const before = scene.store.moving.get(DEVICE)!;
    const seen: string[] = [];
    for (const seed of [5, 6]) {
      const next = replaceWorker(scene, {}, seed);
      say(scene.network, scene.client, 'up');
      next.server.send(handle(next), encodeUtf8('down'));
      settle(scene.network);
      seen.push(nonces(scene.network).at(-1)!);
      scene.store.moving.set(DEVICE, before);
    }
    expect(seen[0]!.slice(6)).toBe(seen[1]!.slice(6));
    expect(seen[0]).not.toBe(seen[1]);
  });

  it('gets its last flight from the next worker, if it was stored but never came', () => {
    const store = newStore();
    const first = newWorker(store);
    const network = new TestNetwork(first, seededIntegers(1));
    const client = newClient('psk', { ...WITH_CID, tickets: true });
    network.add('device', client);
    client.connect(network.nowMs);
    // It dies the moment the association is stored.
    first.silent = (event) => event.kind === 'store-wanted' && store.answerTo(event) !== undefined;
    network.run(network.nowMs + 300);
    expect(network.happened('device', 'connected')).toHaveLength(0);
    const next = newWorker(store, {}, 42);
    network.worker = next;
    network.run(network.nowMs + 5_000);
    expect(network.happened('device', 'connected')).toMatchObject([{ resumed: false }]);
    say(network, client, 'alive');
    expect(heard(next)).toEqual(['alive']);
    expect(next.server.counters.handshakesBegun).toBe(0);
  });

  it('has what was sent in the dead worker’s time taken once, not as fresh, and not as a move (rows B3, Q42)', () => {
    const scene = connected();
    const { network, client } = scene;
    say(network, client, 'old');
    const replayed = lastSent(network);
    const next = replaceWorker(scene);
    for (const peer of ['device', 'attacker', 'device']) next.server.handle(network.nowMs, { peer, bytes: replayed });
    settle(network);
    expect(heard(next)).toEqual(['old (not fresh)']);
    expect(next.server.peerOf(handle(next))).toBe('device');
    expect(next.of('address-changed')).toEqual([]);
    expect(moving(scene).peer).toBe('device');
    next.server.handle(network.nowMs, { peer: 'attacker', bytes: replayed });
    expect(next.server.counters.dropped.replayed).toBeGreaterThan(0);
    say(network, client, 'new');
    expect(heard(next).slice(1)).toEqual(['new']);
  });

  it('is not taken over with what was sent in the dead worker’s time, from elsewhere, unless something newer came along (rows B3, Q42)', () => {
    const scene = connected();
    const { network, client } = scene;
    say(network, client, 'old');
    const replayed = lastSent(network);
    const next = replaceWorker(scene);
    next.server.handle(network.nowMs, { peer: 'attacker', bytes: replayed });
    settle(network);
    expect([heard(next), next.server.counters.adopted, next.server.counters.dropped.replayed]).toEqual([[], 0, 1]);
    next.server.handle(network.nowMs, { peer: 'attacker', bytes: replayed });
    say(network, client, 'new');
    expect(heard(next)).toContain('new');
    expect(next.server.peerOf(handle(next))).toBe('device');
  });

  it('from another address is taken over there (row B107)', () => {
    const scene = connected();
    scene.network.move('device', 'elsewhere');
    const next = replaceWorker(scene);
    say(scene.network, scene.client, 'moved');
    expect(next.of('established')).toMatchObject([{ peer: 'elsewhere' }]);
    expect(moving(scene).peer).toBe('elsewhere');
  });

  it('whose records wait while the store is asked loses none of them', () => {
    const scene = connected();
    const next = replaceWorker(scene);
    next.silent = (event) => event.kind === 'association-wanted';
    for (let index = 0; index < 5; index++) scene.client.send(encodeUtf8(`${index}`));
    settle(scene.network);
    const [wanted] = next.of('association-wanted');
    next.server.answer(scene.network.nowMs, wanted!.question, scene.store.answerTo(wanted!)!.answer as never);
    settle(scene.network);
    expect(heard(next)).toEqual(['0', '1', '2', '3', '4']);
  });
});

describe('over a foul network, with workers that die at random', () => {
  it('no device shakes hands again, no nonce repeats, and everything arrives', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const integers = seededIntegers(seed);
      const store = newStore();
      const workers = [newWorker(store, { sendBlock: 16 }, seed)];
      const network = new TestNetwork(workers[0]!, integers, { loss: 0.1, duplication: 0.1, minDelayMs: 5, maxDelayMs: 300 });
      const client = newClient('psk', WITH_CID, seed);
      network.add('device', client);
      client.connect(network.nowMs);
      network.run(network.nowMs + 100_000, () => client.connected);
      for (let message = 0; message < 30; message++) {
        const text = `message ${message}`;
        for (let attempt = 0; attempt < 30 && !workers.some((worker) => heard(worker).some((each) => each.startsWith(text))); attempt++) {
          client.send(encodeUtf8(text));
          if (integers() % 4 === 0) workers.push((network.worker = newWorker(store, { sendBlock: 16 }, seed * 1_000 + workers.length)));
          network.run(network.nowMs + 400);
          for (const { association } of network.worker.of('established')) network.worker.server.send(association, encodeUtf8('down'));
        }
        expect(workers.some((worker) => heard(worker).some((each) => each.startsWith(text)))).toBe(true);
      }
      expect(workers.length).toBeGreaterThan(3);
      expect(workers.slice(1).reduce((sum, { server }) => sum + server.counters.handshakesBegun, 0)).toBe(0);
      const all = nonces(network);
      expect(new Set(all.map((nonce) => nonce.slice(6))).size).toBe(all.length);
    }
  });
});

describe('a balancer that sends each record to another worker', () => {
  it('costs takeovers, but loses nothing and repeats no nonce', () => {
    const scene = connected();
    const { network, client, store } = scene;
    const workers = [scene.worker, newWorker(store, {}, 7), newWorker(store, {}, 8)];
    for (let index = 0; index < 30; index++) {
      network.worker = workers[index % 3]!;
      say(network, client, `${index}`);
      network.worker.server.send(handle(network.worker), encodeUtf8('down'));
      settle(network);
    }
    expect(workers.flatMap(heard).toSorted((left, right) => Number(left) - Number(right))).toEqual(Array.from({ length: 30 }, (_, index) => `${index}`));
    expect(network.happened('device', 'data')).toHaveLength(30);
    const all = nonces(network);
    expect(new Set(all.map((nonce) => nonce.slice(6))).size).toBe(all.length);
  });
});

describe('no takeover', () => {
  const record = (cid: Uint8Array): Uint8Array => Uint8Array.of(25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, ...cid, 0, 24, ...new Uint8Array(24));

  it('and no question comes from an invented CID', () => {
    const scene = connected();
    const next = replaceWorker(scene);
    next.server.handle(0, { peer: 'attacker', bytes: record(new Uint8Array(CID_LENGTH).fill(0x12)) });
    expect(next.server.poll()).toMatchObject({ datagrams: [], events: [] });
    expect(next.server.counters.dropped['invented-cid']).toBe(1);
  });

  it.each<[string, (store: TestStore) => void, RecordDrop]>([
    ['a record that does not authenticate', () => {}, 'bad-record'],
    ['a revoked credential', (store) => void store.revoked.add(DEVICE), 'unknown-cid'],
    ['a lost slot', (store) => void store.moving.delete(DEVICE), 'unknown-cid'],
    ['a slot that has a later association', (store) => void store.moving.set(DEVICE, store.moving.get(DEVICE)!.map((byte, index) => (index === 5 ? byte ^ 1 : byte))), 'unknown-cid'],
    ['a record of another version', (store) => { for (const [cid, fixed] of store.fixed) store.fixed.set(cid, Uint8Array.of(...fixed.subarray(0, -1), 0, 0)); }, 'unknown-cid'],
  ])('comes from %s', (what, prepare, reason) => {
    const scene = connected();
    const { cid } = scene.worker.of('established')[0]!;
    scene.client.send(encodeUtf8('up'));
    settle(scene.network);
    const genuine = lastSent(scene.network);
    prepare(scene.store);
    const next = replaceWorker(scene);
    next.silent = (event) => event.kind === 'takeover-wanted';
    if (reason === 'unknown-cid' && what === 'a record of another version') next.silent = () => true;
    next.server.handle(0, { peer: 'device', bytes: reason === 'bad-record' ? record(cid) : genuine });
    next.settle(0);
    if (what === 'a record of another version') {
      const [wanted] = next.of('association-wanted');
      const [fixed] = scene.store.fixed.values();
      next.server.answer(0, wanted!.question, { fixed: fixed!, moving: scene.store.moving.get(DEVICE)! });
    }
    expect(next.of('association-wanted')).toHaveLength(1);
    expect(next.of('takeover-wanted')).toEqual([]);
    expect(next.server.counters.dropped[reason]).toBe(1);
    expect(next.server.usage).toMatchObject({ adoptions: 0, associations: 0 });
  });

  it('holds if the fence was raised meanwhile: two workers never both have it', () => {
    const scene = connected();
    const { network, client, store } = scene;
    const [left, right] = [newWorker(store, {}, 7), newWorker(store, {}, 8)];
    say(network, client, 'up');
    const bytes = lastSent(network);
    for (const worker of [left, right]) {
      worker.silent = (event) => event.kind === 'takeover-wanted';
      worker.server.handle(network.nowMs, { peer: 'device', bytes });
      worker.settle(network.nowMs);
    }
    for (const worker of [left, right]) {
      const [wanted] = worker.of('takeover-wanted');
      worker.server.answer(network.nowMs, wanted!.question, store.answerTo(wanted!)!.answer as never);
      worker.settle(network.nowMs);
    }
    expect([left.of('established').length, right.of('established').length]).toEqual([1, 0]);
    expect(right.server.counters.takeoversRefused).toBe(1);
  });

  it.each<[string, (moving: AssociationMoving) => { moving: AssociationMoving; sendFrom: number }]>([
    ['another association', (moving) => ({ moving: { ...moving, cid: new Uint8Array(CID_LENGTH) }, sendFrom: 64 })],
    ['the same fence', (moving) => ({ moving: { ...moving, fence: 1 }, sendFrom: 64 })],
    ['numbers that may have been used', (moving) => ({ moving, sendFrom: 63 })],
    ['numbers beyond the stored end', (moving) => ({ moving, sendFrom: 129 })],
    ['a ceiling below the record', (moving) => ({ moving: { ...moving, receiveCeiling: 0 }, sendFrom: 64 })],
  ])('stands where the store answers with %s', (_, answer) => {
    const scene = connected();
    const next = replaceWorker(scene);
    next.silent = (event) => event.kind === 'takeover-wanted';
    say(scene.network, scene.client, 'up');
    const [wanted] = next.of('takeover-wanted');
    const stored = { ...moving(scene), fence: 2, sendEnd: 128, receiveCeiling: 1 };
    const given = answer(stored);
    next.server.answer(scene.network.nowMs, wanted!.question, { moving: encodeMoving(given.moving), sendFrom: given.sendFrom });
    next.settle(scene.network.nowMs);
    expect([next.of('established').length, next.server.counters.takeoversRefused]).toEqual([0, 1]);
  });

  it('stays pending when the store never answers', () => {
    const scene = connected();
    const next = replaceWorker(scene);
    next.silent = () => true;
    say(scene.network, scene.client, 'up');
    expect(next.server.usage).toMatchObject({ adoptions: 1, questions: 1 });
    scene.network.run(scene.network.nowMs + 10_000);
    expect(next.server.usage).toMatchObject({ adoptions: 0, questions: 0 });
  });
});

describe('a device without a Connection ID', () => {
  it('is found by its address, where the driver wants that', () => {
    const scene = connected({}, { adoptByAddress: true });
    const next = replaceWorker(scene, { adoptByAddress: true });
    say(scene.network, scene.client, 'up');
    expect(heard(next)).toEqual(['up']);
    expect(next.of('association-wanted')[0]).not.toHaveProperty('cid');
  });

  it('is dropped at an unknown address elsewhere, and resumes by its session', () => {
    const scene = connected({});
    const next = replaceWorker(scene);
    say(scene.network, scene.client, 'up');
    expect(next.happened).toEqual([]);
    expect(next.server.counters.dropped['unknown-association']).toBe(1);
    const { session } = scene.network.happened('device', 'connected')[0]!;
    const again = newClient('psk', { session }, 77);
    scene.network.add('device', again);
    again.connect(scene.network.nowMs);
    settle(scene.network);
    expect(next.of('established')).toMatchObject([{ how: 'resumption', credential: { deviceNumber: DEVICE } }]);
  });

  it('that is revoked does not resume: it shakes hands, and fails', () => {
    const scene = connected({});
    scene.store.revoked.add(DEVICE);
    scene.store.psks.clear();
    const { session } = scene.network.happened('device', 'connected')[0]!;
    for (const options of [{ session }, { session, tickets: true }]) {
      scene.network.events.set('device', []);
      const again = newClient('psk', options, 77);
      scene.network.add('device', again);
      again.connect(scene.network.nowMs);
      scene.network.run(scene.network.nowMs + 5_000);
      expect(scene.network.happened('device', 'failed')).toMatchObject([{ alert: 115 }]);
    }
  });
});

describe('an address', () => {
  it('changes with a newer record only (RFC 9146 §6)', () => {
    const { network, client, worker } = connected();
    client.send(encodeUtf8('first'));
    const [late] = client.poll().datagrams;
    network.move('device', 'elsewhere');
    say(network, client, 'second');
    expect(worker.of('address-changed')).toMatchObject([{ from: 'device', to: 'elsewhere' }]);
    worker.server.handle(network.nowMs, { peer: 'device', bytes: late! });
    settle(network);
    expect(heard(worker)).toEqual(['second', 'first']);
    expect(worker.server.peerOf(handle(worker))).toBe('elsewhere');
    worker.server.send(handle(worker), encodeUtf8('down'));
    settle(network);
    expect(network.captured.at(-1)).toMatchObject({ from: 'server', to: 'elsewhere' });
  });

  it('that begins a new handshake keeps its association until the new one is proved', () => {
    const { network, client, worker } = connected({});
    const stranger = newClient('psk', { psk: { identity: encodeUtf8('nobody'), key: new Uint8Array(16) } }, 5);
    network.add('device', stranger);
    stranger.connect(network.nowMs);
    network.run(network.nowMs + 5_000);
    network.add('device', client);
    say(network, client, 'still here');
    expect(heard(worker)).toEqual(['still here']);
    const rightful = newClient('psk', {}, 6);
    network.add('device', rightful);
    rightful.connect(network.nowMs);
    settle(network);
    expect(worker.of('closed')).toMatchObject([{ reason: 'replaced' }]);
    say(network, rightful, 'anew');
    expect(heard(worker)).toEqual(['still here', 'anew']);
  });
});
