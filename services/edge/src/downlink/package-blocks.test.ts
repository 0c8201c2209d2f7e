/** What the end of each block makes of a package on its way. */
import { Code, encodeBlock, MessageType, OptionNumber, type CoapMessage } from '@cluster/coap';
import { newEntry, type QueueEntry, type Transfer } from '@cluster/session';
import { describe, expect, test } from 'vitest';
import { afterBlock } from './package-blocks.ts';
import type { Ending } from './exchanges.ts';

const AT = { nowMs: 1_000, tag: 'fresh' };
const transfer: Transfer = { offset: 2_048, szx: 6, size: 5_000, tag: 'first', restarts: 0 };

function entry(change: Partial<Transfer> = {}): QueueEntry {
  const queued = newEntry({ op: 'write', path: '/5/0/0', package: 'p'.repeat(22) }, { id: 'a', nowMs: 0 });
  return { ...queued, state: 'in-flight', attempts: 1, exchange: { counter: 1, messageId: 2, firstSentAtMs: 0, generation: 1 }, transfer: { ...transfer, ...change } };
}

function answer(code: number, block?: { num: number; szx: number }): Ending {
  const options = block === undefined ? [] : [encodeBlock(OptionNumber.BLOCK1, { ...block, more: true })];
  const message: CoapMessage = { type: MessageType.ACK, code, messageId: 2, token: new Uint8Array(0), options, payload: new Uint8Array(0) };
  return { kind: 'response', message, rttMs: 1 };
}

describe('after a block', () => {
  test.each<[string, Partial<Transfer>, Ending, Partial<Transfer>]>([
    ['2.31: the next one', {}, answer(Code.CONTINUE, { num: 2, szx: 6 }), { offset: 3_072, szx: 6, tag: 'first' }],
    ['2.31 with a smaller size: the next one of that', {}, answer(Code.CONTINUE, { num: 2, szx: 4 }), { offset: 3_072, szx: 4 }],
    ['2.31 to one that was sent ahead: the one behind that', { size: 50_000 }, answer(Code.CONTINUE, { num: 7, szx: 6 }), { offset: 8_192, tag: 'first' }],
    ['2.31 with a larger size: none larger than before', { szx: 5, offset: 1_024 }, answer(Code.CONTINUE, { num: 2, szx: 6 }), { offset: 1_536, szx: 5 }],
    ['4.08: from the start, as another body', {}, answer(Code.REQUEST_ENTITY_INCOMPLETE), { offset: 0, tag: 'fresh', restarts: 1 }],
    ['4.13 to the first with a smaller size: in that', { offset: 0 }, answer(Code.REQUEST_ENTITY_TOO_LARGE, { num: 0, szx: 3 }), { offset: 0, szx: 3 }],
    ['no answer: the same again', {}, { kind: 'failed', reason: 'timeout' }, { offset: 2_048, tag: 'first' }],
    ['a reboot: from the start', {}, { kind: 'failed', reason: 'registered-anew' }, { offset: 0, tag: 'fresh' }],
    ['RST to the last: the same again', { offset: 4_096 }, { kind: 'failed', reason: 'reset' }, { offset: 4_096, tag: 'first' }],
  ])('%s', (_name, change, ending, expected) => {
    const next = afterBlock(entry(change), ending, AT);
    expect(next).toMatchObject({ state: 'queued', transfer: expected });
    expect(next?.exchange).toBeUndefined();
    expect(next?.command).toEqual(entry().command);
  });

  test.each<[string, Partial<Transfer>, Ending]>([
    ['2.04', { offset: 4_096 }, answer(Code.CHANGED)],
    ['4.13 without a size', { offset: 0 }, answer(Code.REQUEST_ENTITY_TOO_LARGE)],
    ['4.15', {}, answer(Code.UNSUPPORTED_CONTENT_FORMAT)],
    ['4.08 once more than is tried', { restarts: 3 }, answer(Code.REQUEST_ENTITY_INCOMPLETE)],
    ['4.08 to the first', { offset: 0 }, answer(Code.REQUEST_ENTITY_INCOMPLETE)],
    ['no answer to the last, which may have arrived', { offset: 4_096 }, { kind: 'failed', reason: 'timeout' }],
  ])('%s is the end of the whole', (_name, change, ending) => {
    expect(afterBlock(entry(change), ending, AT)).toBeUndefined();
  });

  test.each<[string, Partial<Transfer>, Ending]>([
    ['2.31 to another block', {}, answer(Code.CONTINUE, { num: 1, szx: 6 })],
    ['2.31 to one that can not have been sent yet', { size: 500_000 }, answer(Code.CONTINUE, { num: 35, szx: 6 })],
    ['2.31 to one behind the first, which is stored before any other leaves', { offset: 0 }, answer(Code.CONTINUE, { num: 1, szx: 6 })],
    ['2.31 without a block', {}, answer(Code.CONTINUE)],
    ['2.31 to the last', { offset: 4_096 }, answer(Code.CONTINUE, { num: 4, szx: 6 })],
  ])('%s ends it, its outcome unknown', (_name, change, ending) => {
    expect(afterBlock(entry(change), ending, AT)).toMatchObject({ state: 'outcome-unknown' });
  });

  test('a block is tried so often and no more', () => {
    expect(afterBlock({ ...entry(), attempts: 10 }, { kind: 'failed', reason: 'timeout' }, AT)).toMatchObject({ state: 'expired' });
  });
});
