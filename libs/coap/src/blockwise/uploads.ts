/** Bodies that peers send by Block1, put together block by block (RFC 7959 §2.5, server's side). */
import { EMPTY_BYTES } from '@cluster/bytes';
import type { EngineContext } from '../context.ts';
import { RESERVED_SZX, blockSize, szxFor } from '../message/block-option.ts';
import type { Block } from '../message/block-option.ts';
import { Code } from '../message/codes.ts';
import type { CoapMessage } from '../message/message.ts';
import { OptionNumber, contentFormat, uintOption } from '../message/options.ts';
import type { Peer } from '../peers.ts';
import { workOf } from '../peer-work.ts';
import { Timer } from '../timers.ts';
import { uploadKey } from './transfer-key.ts';

/** One body on its way. */
export interface Upload {
  readonly peer: Peer;
  readonly key: string;
  readonly contentFormat: number | undefined;
  readonly timer: Timer;
  /** Room for the body, twice as much each time it is full; what counts against the bound. */
  room: Uint8Array;
  received: number;
  /** Size of the blocks as the client last sent them. */
  szx: number;
}

/** What to do with a block: ask for the next, deliver the body, or refuse. */
export type UploadStep =
  | { readonly kind: 'continue'; readonly block: Block }
  | { readonly kind: 'complete'; readonly payload: Uint8Array }
  | { readonly kind: 'refuse'; readonly code: number; readonly maxBytes?: number; readonly retryAfterS?: number };

const RETRY_AFTER_S = 30;

/** All bodies that are being received. */
export class UploadStore {
  readonly #context: EngineContext;
  readonly #szx: number;
  #count = 0;
  #bytes = 0;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#szx = szxFor(context.parameters.blockSize);
  }

  /** How many bodies are incomplete, and how many bytes they hold. */
  get usage(): { readonly count: number; readonly bytes: number } {
    return { count: this.#count, bytes: this.#bytes };
  }

  /** Takes one block of a request. */
  accept(nowMs: number, peer: Peer, message: CoapMessage, block: Block): UploadStep {
    const step = this.#accept(nowMs, peer, message, block);
    if (step.kind === 'refuse') this.#context.counters.blockTransfersRefused++;
    return step;
  }

  #accept(nowMs: number, peer: Peer, message: CoapMessage, block: Block): UploadStep {
    const { payload } = message;
    // RFC 7959 §2.2: SZX 7 is reserved and must lead to 4.00; a block with more to come is full.
    if (block.szx === RESERVED_SZX) return refuse(Code.BAD_REQUEST);
    const size = blockSize(block.szx);
    if (block.more ? payload.length !== size : payload.length > size) return refuse(Code.BAD_REQUEST);
    const key = uploadKey(message);
    const upload = peer.work?.uploads.find((candidate) => candidate.key === key);
    // RFC 7959 §2.5: block 0 begins anew, whatever was there.
    if (block.num === 0) {
      if (upload !== undefined) this.#drop(upload);
      return block.more ? this.#begin(nowMs, peer, key, message, block) : { kind: 'complete', payload };
    }
    if (upload === undefined) return refuse(Code.REQUEST_ENTITY_INCOMPLETE);
    return this.#append(nowMs, upload, message, block);
  }

  #begin(nowMs: number, peer: Peer, key: string, message: CoapMessage, block: Block): UploadStep {
    const { limits } = this.#context;
    const announced = uintOption(message, OptionNumber.SIZE1) ?? 0;
    if (Math.max(announced, message.payload.length) > limits.maxBodyBytes) return this.#tooLarge();
    this.#makeRoom(peer);
    if (this.#count >= limits.maxUploads) return this.#overloaded();
    const upload: Upload = {
      peer,
      key,
      contentFormat: contentFormat(message),
      timer: new Timer(() => this.#expire(upload)),
      room: EMPTY_BYTES,
      received: 0,
      szx: block.szx,
    };
    workOf(peer).uploads.push(upload);
    this.#count++;
    return this.#store(nowMs, upload, message.payload, block);
  }

  #append(nowMs: number, upload: Upload, message: CoapMessage, block: Block): UploadStep {
    const { limits } = this.#context;
    const inOrder = block.num * blockSize(block.szx) === upload.received;
    if (!inOrder || contentFormat(message) !== upload.contentFormat) {
      this.#drop(upload);
      return refuse(Code.REQUEST_ENTITY_INCOMPLETE);
    }
    if (block.szx > upload.szx) {
      this.#drop(upload);
      return refuse(Code.BAD_REQUEST);
    }
    const total = upload.received + message.payload.length;
    if (total > limits.maxBodyBytes) {
      this.#drop(upload);
      return this.#tooLarge();
    }
    if (block.more) return this.#store(nowMs, upload, message.payload, block);
    this.#drop(upload);
    const payload = new Uint8Array(total);
    payload.set(upload.room.subarray(0, upload.received));
    payload.set(message.payload, upload.received);
    return { kind: 'complete', payload };
  }

  #store(nowMs: number, upload: Upload, payload: Uint8Array, block: Block): UploadStep {
    const total = upload.received + payload.length;
    if (total > upload.room.length && !this.#grow(upload, total)) {
      this.#drop(upload);
      return this.#overloaded();
    }
    upload.room.set(payload, upload.received);
    upload.received = total;
    upload.szx = block.szx;
    this.#context.timers.set(upload.timer, nowMs + this.#context.parameters.blockTransferTimeoutMs);
    return { kind: 'continue', block: { num: block.num, more: true, szx: Math.min(block.szx, this.#szx) } };
  }

  #grow(upload: Upload, needed: number): boolean {
    const size = Math.max(needed, Math.min(2 * upload.room.length, this.#context.limits.maxBodyBytes));
    if (this.#bytes + size - upload.room.length > this.#context.limits.maxUploadBytes) return false;
    const room = new Uint8Array(size);
    room.set(upload.room);
    this.#bytes += size - upload.room.length;
    upload.room = room;
    return true;
  }

  #makeRoom(peer: Peer): void {
    const uploads = peer.work?.uploads ?? [];
    if (uploads.length < this.#context.limits.uploadsPerPeer) return;
    this.#drop(uploads[0]!);
    this.#context.counters.limited.uploadsEvicted++;
  }

  #tooLarge(): UploadStep {
    return { kind: 'refuse', code: Code.REQUEST_ENTITY_TOO_LARGE, maxBytes: this.#context.limits.maxBodyBytes };
  }

  #overloaded(): UploadStep {
    this.#context.counters.limited.uploadsRefused++;
    return { kind: 'refuse', code: Code.SERVICE_UNAVAILABLE, retryAfterS: RETRY_AFTER_S };
  }

  #expire(upload: Upload): void {
    this.#context.counters.blockTransfersExpired++;
    this.#drop(upload);
  }

  #drop(upload: Upload): void {
    const uploads = upload.peer.work!.uploads;
    uploads.splice(uploads.indexOf(upload), 1);
    this.#count--;
    this.#bytes -= upload.room.length;
    this.#context.timers.cancel(upload.timer);
  }
}

function refuse(code: number): UploadStep {
  return { kind: 'refuse', code };
}
