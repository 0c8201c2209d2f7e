/**
 * Packages on their way to devices by Block1 (RFC 7959 §2.5): the queue holds which package and how far it is, never its
 * bytes. Each block is an exchange of its own, whose number is stored before it leaves or some blocks later (sent-ahead.ts);
 * between two of them whatever is more urgent goes.
 */
import { blockOption, blockSize, Code, OptionNumber, szxFor, type OutgoingRequest } from '@cluster/coap';
import { StorageUnavailable } from '@cluster/firmware';
import type { CachedReader } from '@cluster/package-storage';
import { finish, isFinished, type QueueEntry, type Rng, type Transfer } from '@cluster/session';
import type { Ending } from './exchanges.ts';
import { notActedOn, unanswered } from './outcomes.ts';
import { BLOCKS_AHEAD } from './sent-ahead.ts';

/** A device that loses what came before again and again has no room, or no memory of it. */
const MOST_RESTARTS = 3;

/** The block that is due, ready to be sent; or why there is none. */
export type DueBlock =
  | { readonly entry: QueueEntry; readonly payload: Uint8Array; readonly block1: NonNullable<OutgoingRequest['block1']> }
  | 'no-storage' | 'away' | 'gone';

export class PackageBlocks {
  readonly #reader: CachedReader | undefined;
  readonly #rng: Rng;

  /** `reader` undefined: this worker sees no packages. */
  constructor(reader: CachedReader | undefined, rng: Rng) {
    this.#reader = reader;
    this.#rng = rng;
  }

  /** A fresh Request-Tag: blocks of different tries are of different bodies (RFC 9175 §3.3). */
  newTag(): string {
    const tag = Buffer.alloc(6);
    tag.writeUInt32BE(this.#rng.uint32());
    tag.writeUInt16BE(this.#rng.uint32() & 0xffff, 4);
    return tag.toString('base64url');
  }

  /** The next block of an entry that sends a package; the entry with the transfer that it belongs to. */
  async due(entry: QueueEntry, largest: number | undefined): Promise<DueBlock> {
    const { package: id = '' } = entry.command;
    if (this.#reader === undefined) return 'no-storage';
    try {
      const size = await this.#reader.size(id);
      if (size === undefined) return 'gone';
      const transfer = entry.transfer ?? { offset: 0, szx: szxFor(largest ?? 1_024), size, tag: this.newTag(), restarts: 0 };
      const { offset, szx, tag } = transfer;
      const length = blockSize(szx);
      const payload = this.#reader.held(id, offset, length) ?? (await this.#reader.block(id, offset, length));
      if (payload === undefined) return 'gone';
      const block1 = { num: offset / length, szx, more: offset + length < size, size, tag: new Uint8Array(Buffer.from(tag, 'base64url')) };
      return { entry: { ...entry, transfer }, payload, block1 };
    } catch (error) {
      if (error instanceof StorageUnavailable) return 'away';
      throw error;
    }
  }
}

/**
 * What the end of a block's exchange makes of the entry. Undefined: it is the end of the whole, as that of any command. A last
 * block without an answer is that too: the device may have all of the package, and would not take its end for another one.
 */
export function afterBlock(entry: QueueEntry, ending: Ending, at: { nowMs: number; tag: string; awayFromMs?: number | undefined }): QueueEntry | undefined {
  const { transfer } = entry;
  if (transfer === undefined || ending.kind === 'given') return undefined;
  const last = transfer.offset + blockSize(transfer.szx) >= transfer.size;
  if (ending.kind === 'failed') return last && !notActedOn(ending.reason) ? undefined : withoutAnswer(entry, transfer, ending.reason, at);
  const { message } = ending;
  const block = blockOption(message, OptionNumber.BLOCK1);
  if (message.code === Code.CONTINUE) {
    const from = (block?.num ?? -1) * blockSize(transfer.szx);
    if (block === undefined || last || !mayBeOut(transfer, from)) {
      return finish(entry, { state: 'outcome-unknown', atMs: at.nowMs, reason: 'the device broke off the block-wise transfer' });
    }
    // RFC 7959 §2.5: from now on no larger blocks than the device says.
    return queued(entry, { ...transfer, offset: from + blockSize(transfer.szx), szx: Math.min(transfer.szx, block.szx) });
  }
  if (message.code === Code.REQUEST_ENTITY_INCOMPLETE && transfer.offset > 0 && transfer.restarts < MOST_RESTARTS) {
    return queued(entry, anew(transfer, at.tag));
  }
  // RFC 7959 §2.9.3: a smaller size in a 4.13 asks to try again with smaller blocks.
  if (message.code === Code.REQUEST_ENTITY_TOO_LARGE && transfer.offset === 0 && block !== undefined && block.szx < transfer.szx) {
    return queued(entry, { ...transfer, szx: block.szx });
  }
  return undefined;
}

/** A worker that died may have sent some blocks more than it stored; the last one never. */
function mayBeOut({ offset, szx, size }: Transfer, from: number): boolean {
  const length = blockSize(szx);
  const ahead = offset === 0 ? 0 : BLOCKS_AHEAD * length;
  return from >= offset && from <= offset + ahead && from + length < size;
}

function anew(transfer: Transfer, tag: string): Transfer {
  return { ...transfer, offset: 0, tag, restarts: transfer.restarts + 1 };
}

/** Its attempts are those of the block that is due. */
function queued({ exchange: _, ...entry }: QueueEntry, transfer: Transfer): QueueEntry {
  return { ...entry, state: 'queued', attempts: 0, notBeforeMs: 0, transfer };
}

/** A block may be sent again; a device that registered anew has forgotten those before it. */
function withoutAnswer(entry: QueueEntry, transfer: Transfer, reason: string, at: { nowMs: number; tag: string; awayFromMs?: number | undefined }): QueueEntry {
  const again = unanswered({ ...entry, command: { ...entry.command, repeatable: true } }, reason, at.nowMs, at.awayFromMs);
  const next = { ...again, command: entry.command };
  return isFinished(next) ? next : { ...next, transfer: reason === 'registered-anew' ? anew(transfer, at.tag) : transfer };
}
