/** A living association: its send numbers, its receive ceiling, and its ends. */
import { decodeUtf8, encodeUtf8, hex } from '@cluster/bytes';
import { describe, expect, it } from 'vitest';
import { seededIntegers } from './fixtures.ts';
import { TestNetwork } from './network.ts';
import { WITH_CID, newClient, newStore, newWorker } from './peers.ts';
import { connected, handle, heard, nonces, say, settle } from './scene.ts';

describe('send numbers', () => {
  it('are used only up to the stored end; what waits leaves in order once the next block is stored', () => {
    const { network, worker } = connected(WITH_CID, { sendBlock: 8, limits: { maxHeldRecords: 3 } });
    worker.silent = (event) => event.kind === 'send-block-wanted';
    const results = Array.from({ length: 12 }, (_, index) => worker.server.send(handle(worker), encodeUtf8(`${index}`)));
    // Number 0 was the Finished.
    expect(results).toEqual([...new Array(7).fill('sent'), 'queued', 'queued', 'queued', 'full', 'full']);
    settle(network);
    expect(worker.of('send-block-wanted')).toMatchObject([{ sendEnd: 16 }]);
    worker.silent = undefined;
    worker.server.answer(network.nowMs, worker.of('send-block-wanted')[0]!.question, true);
    settle(network);
    expect(network.happened('device', 'data').map(({ bytes }) => decodeUtf8(bytes))).toEqual(Array.from({ length: 10 }, (_, index) => `${index}`));
  });

  it('that can’t be stored end the association: it is another’s now', () => {
    const { network, worker } = connected(WITH_CID, { sendBlock: 4 });
    worker.silent = (event) => event.kind === 'send-block-wanted';
    for (let index = 0; index < 4; index++) worker.server.send(handle(worker), encodeUtf8('x'));
    settle(network);
    worker.server.answer(network.nowMs, worker.of('send-block-wanted')[0]!.question, false);
    settle(network);
    expect(worker.of('closed')).toMatchObject([{ reason: 'discarded' }]);
    expect(worker.server.send(handle(worker), encodeUtf8('x'))).toBe('unknown');
  });

  it('and the association are stored before the last flight leaves', () => {
    const worker = newWorker();
    const network = new TestNetwork(worker, seededIntegers(1));
    const client = newClient('psk', WITH_CID);
    network.add('device', client);
    client.connect(network.nowMs);
    worker.silent = (event) => event.kind === 'store-wanted';
    network.run(network.nowMs + 20_000);
    expect(nonces(network)).toEqual([]);
    worker.server.answer(network.nowMs, worker.of('store-wanted')[0]!.question, true);
    settle(network);
    expect(network.happened('device', 'connected')).toHaveLength(1);
  });
});

describe('the receive ceiling', () => {
  it('is stored before a record above it is handed out, and is exact for a device that sleeps', () => {
    const scene = connected();
    const { network, client, worker } = scene;
    for (let turn = 1; turn <= 3; turn++) {
      worker.silent = (event) => event.kind === 'ceiling-wanted';
      client.send(encodeUtf8('a'));
      client.send(encodeUtf8('b'));
      network.run(network.nowMs + 60_000);
      expect(heard(worker)).toHaveLength(2 * (turn - 1));
      const wanted = worker.of('ceiling-wanted').at(-1)!;
      expect(wanted.ceiling).toBe(2 * turn - 1);
      worker.silent = undefined;
      worker.server.answer(network.nowMs, wanted.question, true);
      settle(network);
      expect(heard(worker)).toHaveLength(2 * turn);
    }
  });

  it('runs ahead of a device that talks, by no more than a second of its traffic', () => {
    const { network, client, worker } = connected();
    for (let index = 0; index < 200; index++) {
      client.send(encodeUtf8('x'));
      network.run(network.nowMs + 100);
    }
    expect(heard(worker)).toHaveLength(200);
    const asked = worker.of('ceiling-wanted').map(({ ceiling }) => ceiling);
    expect(asked.length).toBeLessThan(50);
    expect(asked.at(-1)! - 200).toBeLessThanOrEqual(10);
  });

  it('is exact after a burst, by which a device goes to sleep', () => {
    const { network, client, worker } = connected();
    for (let index = 0; index < 12; index++) {
      client.send(encodeUtf8('x'));
      network.run(network.nowMs + 150);
    }
    network.run(network.nowMs + 300);
    client.send(encodeUtf8('good night'));
    settle(network);
    expect(heard(worker)).toHaveLength(13);
    expect(worker.of('ceiling-wanted').at(-1)!.ceiling).toBe(13);
  });

  it('is not stored for close_notify, which waits for the data before it, though', () => {
    const { network, client, worker } = connected();
    worker.silent = (event) => event.kind === 'ceiling-wanted';
    client.send(encodeUtf8('last words'));
    client.close();
    settle(network);
    expect(worker.of('closed')).toEqual([]);
    worker.server.answer(network.nowMs, worker.of('ceiling-wanted')[0]!.question, true);
    settle(network);
    expect(heard(worker)).toEqual(['last words']);
    expect(worker.of('closed')).toHaveLength(1);
    const quiet = connected();
    quiet.client.close();
    settle(quiet.network);
    expect(quiet.worker.of('ceiling-wanted')).toEqual([]);
  });

  it('may be handed out with the data, to be stored in one step with what it does', () => {
    const { network, client, worker } = connected(WITH_CID, { receiveCeiling: 'with-data' });
    say(network, client, 'one');
    say(network, client, 'two');
    expect(worker.of('ceiling-wanted')).toEqual([]);
    expect(worker.of('data').map(({ ceiling }) => ceiling)).toEqual([1, 2]);
    worker.server.ceilingStored(network.nowMs, handle(worker), 5);
    say(network, client, 'three');
    expect(worker.of('data').at(-1)).not.toHaveProperty('ceiling');
  });
});

describe('an association tells what its records add to their content', () => {
  it.each([
    ['TLS_PSK_WITH_AES_128_CCM_8', 0xc0a8, true],
    ['TLS_PSK_WITH_AES_128_GCM_SHA256', 0x00a8, true],
    ['TLS_PSK_WITH_AES_128_CBC_SHA256', 0x00ae, false],
  ])('%s', (_, suite, exact) => {
    for (const connectionId of [undefined, new Uint8Array(0), hex('0a0b0c')]) {
      const { network, client, worker } = connected({ cipherSuites: [suite], ...(connectionId && { connectionId }) });
      const { overhead } = worker.of('established')[0]!;
      const before = network.captured.length;
      client.send(new Uint8Array(40));
      settle(network);
      worker.server.send(handle(worker), new Uint8Array(40));
      settle(network);
      const [up, down] = network.captured.slice(before).map(({ bytes }) => bytes.length - 40);
      if (exact) expect([up, down]).toEqual([overhead.in, overhead.out]);
      else expect([up! <= overhead.in, down! <= overhead.out, up! > overhead.in - 16]).toEqual([true, true, true]);
    }
  });
});

describe('an association ends', () => {
  it('with close_notify of the device, answered by one', () => {
    const { network, client, worker } = connected();
    client.close();
    settle(network);
    expect(worker.of('closed')).toMatchObject([{ reason: 'close-notify', alert: 0 }]);
    expect(worker.server.usage.associations).toBe(0);
    expect(network.captured.at(-1)!.from).toBe('server');
  });

  it.each([
    ['closed with close_notify', 0, undefined],
    ['closed with access_denied, for a revoked credential', 49, 49],
  ])('%s by its driver', (_, alert, given) => {
    const { network, worker } = connected();
    worker.server.close(handle(worker), given);
    settle(network);
    expect(network.happened('device', 'closed')).toMatchObject([{ alert }]);
    expect(worker.of('closed')).toMatchObject([{ reason: 'closed' }]);
  });

  it('with all that it asked: nothing waits for an answer that never comes', () => {
    const { network, client, worker } = connected();
    worker.silent = ({ kind }) => kind === 'ceiling-wanted' || kind === 'send-block-wanted';
    say(network, client, 'never heard');
    for (let sent = 0; sent < 64; sent++) worker.server.send(handle(worker), Uint8Array.of(sent));
    settle(network);
    expect(worker.server.usage.questions).toBe(2);
    worker.server.discard(handle(worker));
    expect(worker.server.usage.questions).toBe(0);
  });

  it('in silence where another worker has it now', () => {
    const { network, worker } = connected();
    const sent = network.captured.length;
    worker.server.discard(handle(worker));
    settle(network);
    expect(network.captured).toHaveLength(sent);
    expect(worker.of('closed')).toMatchObject([{ reason: 'discarded' }]);
  });

  it('in silence when there is no room for one that is used', () => {
    const worker = newWorker(newStore(), { limits: { maxAssociations: 3 } });
    const network = new TestNetwork(worker, seededIntegers(1));
    for (let index = 0; index < 6; index++) {
      const client = newClient('psk', WITH_CID, 10 + index);
      network.add(`device ${index}`, client);
      client.connect(network.nowMs);
      settle(network);
    }
    expect(worker.server.usage.associations).toBe(3);
    expect(worker.of('closed').map(({ reason }) => reason)).toEqual(['evicted', 'evicted', 'evicted']);
    expect(worker.server.counters.evicted).toBe(3);
  });
});
