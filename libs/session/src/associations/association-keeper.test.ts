import { EMPTY_BYTES, toHex } from '@cluster/bytes';
import { CIPHER_SUITES, decodeMoving, encodeFixed, encodeMoving } from '@cluster/dtls';
import { KeyRing, Sealer } from '@cluster/secrets';
import { randomBytes, randomInt } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { AssociationKeeper, type NewAssociation } from '../index.ts';
import { MemoryAssociationStore } from '../testing/memory-association-store.ts';
import type { Advance, Advanced } from './owned-slots.ts';

const DEVICE = 'DEVICE01';
const SEND_BLOCK = 64;
const sealer = new Sealer(new KeyRing([{ id: 1, bytes: randomBytes(32) }]), randomBytes);

let store: MemoryAssociationStore;
let live: boolean;
let abandons: number;
let a: AssociationKeeper;
let b: AssociationKeeper;

beforeEach(() => {
  store = new MemoryAssociationStore();
  live = true;
  abandons = 0;
  [a, b] = [worker(), worker()];
});

function worker(): AssociationKeeper {
  const rng = { uint32: () => randomInt(2 ** 32) };
  const areLive = async (credentials: readonly unknown[]) => credentials.map(() => live);
  const abandoned = () => void abandons++;
  return new AssociationKeeper({ store, sealer, rng, areLive, ttlMs: 1_000_000, sendBlock: SEND_BLOCK, nowMs: () => 0, abandoned });
}

/** What a handshake of the device made. */
function handshake({ provisional = false, deviceNumber = DEVICE } = {}): NewAssociation {
  const cid = new Uint8Array(randomBytes(14));
  const credential = { deviceNumber, credentialVersion: 1, identity: { kind: 'psk', bytes: Uint8Array.of(1) } } as const;
  const fixed = encodeFixed({
    suite: CIPHER_SUITES[0]!, encryptThenMac: false, extendedMasterSecret: true, keyBlock: randomBytes(40), cid, cidAgreed: true, peerCid: EMPTY_BYTES,
    sendLimit: 1_024, masterSecret: provisional ? EMPTY_BYTES : randomBytes(48), provedAtMs: 5, credential,
  });
  const moving = encodeMoving({ cid, fence: 1, sendEnd: SEND_BLOCK, receiveCeiling: 3, peer: 'udp:192.0.2.1:1' });
  return { cid, credential, fixed, moving, lastFlight: Uint8Array.of(9), provisional };
}

/** The association lives at a worker from now on. */
async function at(keeper: AssociationKeeper, made = handshake()): Promise<NewAssociation> {
  expect(await keeper.put([made])).toEqual([true]);
  expect(await keeper.establish(made.cid)).toBe(true);
  return made;
}

async function takeOver(keeper: AssociationKeeper, { cid, credential }: NewAssociation, ceiling = 10) {
  const found = await keeper.find(cid);
  const fence = found && decodeMoving(found.moving)!.fence;
  const answer = fence === undefined ? undefined : await keeper.takeOver({ cid, credential, fence, ceiling, moveTo: 'udp:192.0.2.2:2' });
  if (answer !== undefined) expect(await keeper.establish(cid)).toBe(true);
  return answer && { ...decodeMoving(answer.moving)!, sendFrom: answer.sendFrom };
}

const advance = (keeper: AssociationKeeper, { cid }: NewAssociation, change: Advance) => new Promise<Advanced>((done) => keeper.advance(cid, change, done));
const movingOf = async (keeper: AssociationKeeper, { cid }: NewAssociation) => {
  const found = await keeper.find(cid);
  return found && decodeMoving(found.moving);
};

describe('an association', () => {
  test('is found by any worker as it was stored, and its keys are nowhere in clear', async () => {
    const made = await at(a);
    const found = await b.find(made.cid);
    expect([found!.fixed, found!.moving, found!.lastFlight!].map(toHex)).toEqual([made.fixed, made.moving, made.lastFlight!].map(toHex));
    expect(toHex((await b.findOf(DEVICE))!.fixed)).toBe(toHex(made.fixed));
    const keys = Buffer.from(made.fixed.subarray(4, 44));
    for (const record of [...store.sealed.values(), ...[...store.slots.values()].map(({ record: bytes }) => bytes)]) {
      expect(Buffer.from(record).includes(keys)).toBe(false);
    }
  });

  test('is not found under another Connection ID, nor when its credential is over', async () => {
    const [made, other] = [await at(a), handshake({ deviceNumber: 'DEVICE02' })];
    await at(a, other);
    const name = Buffer.from(other.cid).toString('base64url');
    store.sealed.set(name, store.sealed.get(Buffer.from(made.cid).toString('base64url'))!);
    expect(await b.find(other.cid)).toBeUndefined();
    expect(await b.find(randomBytes(14))).toBeUndefined();
    live = false;
    expect(await b.find(made.cid)).toBeUndefined();
    expect(await b.session(made.cid)).toBeUndefined();
  });

  test('goes on at another worker behind all stored numbers, and its former owner stores no more', async () => {
    const made = await at(a);
    expect(await advance(a, made, { sendEnd: 128 })).toBe('stored');
    expect(await takeOver(b, made)).toMatchObject({ fence: 2, sendFrom: 128, sendEnd: 192, receiveCeiling: 10, peer: 'udp:192.0.2.2:2' });
    expect(await advance(a, made, { sendEnd: 192 })).toBe('refused');
    expect(await advance(a, made, { receiveCeiling: 11 })).toBe('refused');
    expect(await advance(b, made, { receiveCeiling: 11 })).toBe('stored');
    expect(await movingOf(a, made)).toMatchObject({ fence: 2, sendEnd: 192, receiveCeiling: 11 });
  });

  test('of two workers that take over at once one has it', async () => {
    const made = await at(worker());
    const [first, second] = await Promise.all([a.find(made.cid), b.find(made.cid)]);
    expect(first).toEqual(second);
    const { cid, credential } = made;
    const answers = await Promise.all([a, b].map((keeper) => keeper.takeOver({ cid, credential, fence: 1, ceiling: 4 })));
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
  });

  test('what it asks for in one turn is one write, and what comes meanwhile the next; nothing falls', async () => {
    const made = await at(a);
    const before = store.calls.get('commitSlots')!;
    const first = [advance(a, made, { sendEnd: 128 }), advance(a, made, { receiveCeiling: 7 }), advance(a, made, { peer: 'udp:192.0.2.9:9' })];
    await Promise.resolve();
    await Promise.resolve();
    const second = [advance(a, made, { receiveCeiling: 5 }), advance(a, made, { sendEnd: 100 })];
    expect(await Promise.all([...first, ...second])).toEqual(Array(5).fill('stored'));
    expect(store.calls.get('commitSlots')! - before).toBe(2);
    expect(await movingOf(b, made)).toMatchObject({ sendEnd: 128, receiveCeiling: 7, peer: 'udp:192.0.2.9:9' });
  });

  test('stays where it is while the store is away, and stores what it wanted once asked again', async () => {
    const made = await at(a);
    store.away = true;
    expect(await Promise.all([advance(a, made, { sendEnd: 128 }), advance(a, made, { receiveCeiling: 9 })])).toEqual(['unknown', 'unknown']);
    expect(await advance(a, made, { sendEnd: 128 })).toBe('unknown');
    store.away = false;
    expect(await advance(a, made, { sendEnd: 128 })).toBe('stored');
    expect(await advance(a, made, { receiveCeiling: 9 })).toBe('stored');
    expect(await movingOf(b, made)).toMatchObject({ fence: 1, sendEnd: 128, receiveCeiling: 9 });
  });

  test('knows its own write again that was done and not answered', async () => {
    const made = await at(a);
    store.mute = true;
    expect(await advance(a, made, { sendEnd: 128 })).toBe('unknown');
    store.mute = false;
    expect(await movingOf(b, made)).toMatchObject({ sendEnd: 128 });
    expect(await advance(a, made, { sendEnd: 128 })).toBe('stored');
    expect(await advance(a, made, { receiveCeiling: 9 })).toBe('stored');
    expect(await movingOf(b, made)).toMatchObject({ fence: 1, sendEnd: 128, receiveCeiling: 9 });
  });

  test('is another worker\'s that took it over before the write was asked for again', async () => {
    const made = await at(a);
    store.away = true;
    expect(await advance(a, made, { sendEnd: 128 })).toBe('unknown');
    store.away = false;
    expect(await takeOver(b, made)).toMatchObject({ fence: 2, sendFrom: 64 });
    expect(await advance(a, made, { sendEnd: 128 })).toBe('refused');
    expect(await advance(a, made, { receiveCeiling: 9 })).toBe('refused');
    expect(await movingOf(a, made)).toMatchObject({ fence: 2, sendEnd: 128, receiveCeiling: 10 });
  });

  test('stores nothing once it left', async () => {
    const made = await at(a);
    a.forget(made.cid);
    expect(await advance(a, made, { sendEnd: 128 })).toBe('refused');
    expect(await movingOf(b, made)).toMatchObject({ sendEnd: SEND_BLOCK });
  });

  test.each<Advance>([{ sendEnd: 128 }, { receiveCeiling: 9 }])('of which the store lost %o is given up for good, never guessed', async (change) => {
    const made = await at(a);
    const before = store.slots.get(DEVICE)!;
    expect(await advance(a, made, change)).toBe('stored');
    store.slots.set(DEVICE, before);
    expect(await advance(a, made, { sendEnd: 192 })).toBe('refused');
    a.forget(made.cid);
    expect(await takeOver(a, made)).toBeUndefined();
    expect(abandons).toBe(1);
    expect(await takeOver(b, made)).toBeUndefined();
    expect([await b.session(made.cid), store.sealed.size]).toEqual([undefined, 0]);
  });
});

describe('the next association of a device', () => {
  test('takes the place of the former one, of which nothing stays', async () => {
    const first = await at(a);
    const second = await at(b);
    expect(await b.find(first.cid)).toBeUndefined();
    expect(await b.session(first.cid)).toBeUndefined();
    expect(await advance(a, first, { sendEnd: 128 })).toBe('refused');
    expect(await a.find(second.cid)).toBeDefined();
    expect(store.sealed.size).toBe(2);
  });

  test('by a resumption takes it once established, not before; the session stays for further ones', async () => {
    const first = await at(a);
    const resumed = handshake({ provisional: true });
    expect(await b.put([resumed])).toEqual([true]);
    expect(await movingOf(b, first)).toBeDefined();
    expect(await b.establish(resumed.cid)).toBe(true);
    expect(await a.find(first.cid)).toBeUndefined();
    expect(await a.find(resumed.cid)).toBeDefined();
    const session = await a.session(first.cid);
    expect([toHex(session!.fixed), session!.provedAtMs]).toEqual([toHex(first.fixed), 5]);
    const again = await at(a, handshake({ provisional: true }));
    expect(await b.find(resumed.cid)).toBeUndefined();
    expect(await b.session(first.cid)).toBeDefined();
    await at(b);
    expect(await b.find(again.cid)).toBeUndefined();
    expect(await b.session(first.cid)).toBeUndefined();
    expect(store.sealed.size).toBe(2);
  });
});

describe('the end of an association', () => {
  test.each([true, false])('by either side: it is found no more; whether its session may be resumed: %s', async (resumable) => {
    const made = await at(a);
    await a.end(made.cid, { resumable });
    expect(await b.find(made.cid)).toBeUndefined();
    expect(await b.findOf(DEVICE)).toBeUndefined();
    expect(await b.session(made.cid) !== undefined).toBe(resumable);
    const resumed = await at(b, handshake({ provisional: true }));
    expect(await a.find(resumed.cid)).toBeDefined();
    expect(await a.session(made.cid) !== undefined).toBe(resumable);
  });

  test('at a worker that lost it ends nothing', async () => {
    const made = await at(a);
    await takeOver(b, made);
    await a.end(made.cid, { resumable: false });
    expect(await movingOf(a, made)).toMatchObject({ fence: 2 });
  });
});
