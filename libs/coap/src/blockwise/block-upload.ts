/** A body of ours on its way to a peer by Block1 (RFC 7959 §2.5, client's side). */
import { MAX_BLOCK_NUM, RESERVED_SZX, blockOption, blockSize, encodeBlock } from '../message/block-option.ts';
import { Code, isSuccess } from '../message/codes.ts';
import type { CoapMessage, CoapOption } from '../message/message.ts';
import { OptionNumber, uintValue } from '../message/options.ts';

/** What a response to a block means: send the block that is due now, take the response as the last, or give up. */
export type UploadVerdict = 'send' | 'final' | 'failed';

export class BlockUpload {
  readonly #body: Uint8Array;
  readonly #tag: Uint8Array;
  #szx: number;
  #offset = 0;
  #restarted = false;

  /** `tag`: the Request-Tag, which must differ between transfers that may overlap (RFC 9175 §3.4). */
  constructor(body: Uint8Array, szx: number, tag: Uint8Array) {
    this.#body = body;
    this.#szx = szx;
    this.#tag = tag;
  }

  /** Sends the whole body again. */
  rewind(): void {
    this.#offset = 0;
  }

  /** The options of the block that is due. */
  options(): CoapOption[] {
    const options = [
      encodeBlock(OptionNumber.BLOCK1, { num: this.#num, more: this.#more, szx: this.#szx }),
      { number: OptionNumber.REQUEST_TAG, value: this.#tag },
    ];
    // RFC 7959 §4: Size1 tells the size of the whole body, so that it can be refused at its first block.
    if (this.#offset === 0) options.push({ number: OptionNumber.SIZE1, value: uintValue(this.#body.length) });
    return options;
  }

  /** Whether the block that is due is the last: the one whose response is that to the whole request. */
  get last(): boolean {
    return !this.#more;
  }

  /** The payload of the block that is due. */
  payload(): Uint8Array {
    return this.#body.subarray(this.#offset, this.#offset + blockSize(this.#szx));
  }

  /** Judges the response to the block that was sent. */
  accept(response: CoapMessage): UploadVerdict {
    const block = blockOption(response, OptionNumber.BLOCK1);
    if (response.code === Code.REQUEST_ENTITY_TOO_LARGE && block !== undefined && block.szx < this.#szx) {
      // RFC 7959 §2.9.3: a smaller SZX in a 4.13 asks to try again with smaller blocks.
      this.#szx = block.szx;
      this.#offset = 0;
      return 'send';
    }
    if (response.code === Code.REQUEST_ENTITY_INCOMPLETE && this.#offset > 0 && !this.#restarted) {
      // RFC 7959 §2.9.2: the server has lost the blocks before this one; once, all are sent again.
      this.#restarted = true;
      this.#offset = 0;
      return 'send';
    }
    if (!isSuccess(response.code)) return 'final';
    if (!this.#more) return response.code === Code.CONTINUE ? 'failed' : 'final';
    if (block === undefined || block.num !== this.#num || block.szx === RESERVED_SZX) return 'failed';
    this.#offset += blockSize(this.#szx);
    this.#szx = Math.min(this.#szx, block.szx);
    return this.#num > MAX_BLOCK_NUM ? 'failed' : 'send';
  }

  get #num(): number {
    return this.#offset / blockSize(this.#szx);
  }

  get #more(): boolean {
    return this.#offset + blockSize(this.#szx) < this.#body.length;
  }
}
