/** The body of a response to us, on its way by Block2 (RFC 7959 §2.4, client's side). */
import { EMPTY_BYTES, concatBytes, equalBytes } from '@cluster/bytes';
import { MAX_BLOCK_NUM, RESERVED_SZX, blockOption, blockSize, encodeBlock } from '../message/block-option.ts';
import { isSuccess } from '../message/codes.ts';
import type { CoapMessage, CoapOption } from '../message/message.ts';
import { OptionNumber, optionValue, uintOption } from '../message/options.ts';

/** What a response with a block means: ask for the next, deliver, or why it goes no further. */
export type DownloadVerdict = 'send' | 'complete' | 'block-failed' | 'body-changed' | 'body-too-large';

export class BlockDownload {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  readonly #etag: Uint8Array | undefined;
  #szx: number;
  #received = 0;

  /** `szx`: the largest blocks to ask for. `etag`: of the first block, which all others must have. */
  constructor(szx: number, maxBytes: number, etag: Uint8Array | undefined) {
    this.#szx = szx;
    this.#maxBytes = maxBytes;
    this.#etag = etag?.slice();
  }

  /** Goes on after blocks which came elsewhere; false if `nextBlock` is not what follows them. */
  resume(payload: Uint8Array, nextBlock: number, szx: number): boolean {
    if (szx >= RESERVED_SZX || nextBlock * blockSize(szx) !== payload.length) return false;
    this.#chunks.push(payload);
    this.#received = payload.length;
    this.#szx = Math.min(this.#szx, szx);
    return true;
  }

  /** Takes one response. */
  accept(response: CoapMessage): DownloadVerdict {
    const block = blockOption(response, OptionNumber.BLOCK2);
    if (block === undefined || block.szx === RESERVED_SZX || !isSuccess(response.code)) return 'block-failed';
    const size = blockSize(block.szx);
    const { length } = response.payload;
    if (block.num * size !== this.#received || (block.more ? length !== size : length > size)) return 'block-failed';
    // RFC 7959 §2.4: blocks of different ETags are of different bodies.
    const etag = optionValue(response, OptionNumber.ETAG);
    if (!equalBytes(etag ?? EMPTY_BYTES, this.#etag ?? EMPTY_BYTES)) return 'body-changed';
    const announced = uintOption(response, OptionNumber.SIZE2) ?? 0;
    this.#received += length;
    if (Math.max(this.#received, announced) > this.#maxBytes) return 'body-too-large';
    this.#chunks.push(response.payload);
    // RFC 7959 §2.4: either side may go to smaller blocks at any time.
    this.#szx = Math.min(this.#szx, block.szx);
    if (!block.more) return 'complete';
    return this.#num > MAX_BLOCK_NUM ? 'block-failed' : 'send';
  }

  /** The Block2 option that asks for the block that is due. */
  option(): CoapOption {
    return encodeBlock(OptionNumber.BLOCK2, { num: this.#num, more: false, szx: this.#szx });
  }

  /** All blocks in one. */
  body(): Uint8Array {
    return concatBytes(this.#chunks);
  }

  get #num(): number {
    return this.#received / blockSize(this.#szx);
  }
}
