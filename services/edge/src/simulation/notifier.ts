/** Sends the Confirmable notifications of a simulated device, again and again until they are acknowledged. RFC 7641 §4.5 */
import { Code, decodeMessage, encodeMessage, MessageType, OptionNumber, uintValue } from '@cluster/coap';
import type { DeviceModel, Observed } from './device-model.ts';
import { tokenText } from './device-model.ts';
import type { Random } from './random.ts';

export interface NotifierLife {
  readonly model: DeviceModel;
  readonly random: Random;
  /** A device that follows RFC 7641 §4.5 to the letter ends an observation whose notification nobody acknowledged. */
  readonly dropsUnacknowledged: boolean;
  nextMessageId(): number;
  send(bytes: Uint8Array): void;
  /** An acknowledged notification with its value. */
  acknowledged(value: number): void;
}

interface Outstanding {
  readonly key: string;
  readonly value: number;
  timer: NodeJS.Timeout;
}

const ACK_TIMEOUT_MS = 2_000;
const MAX_RETRANSMIT = 4;
const SENML_JSON = 110;

export class Notifier {
  readonly #life: NotifierLife;
  readonly #outstanding = new Map<number, Outstanding>();

  constructor(life: NotifierLife) {
    this.#life = life;
  }

  /** Whether something waits for its acknowledgement. */
  get busy(): boolean {
    return this.#outstanding.size > 0;
  }

  /** The device is off: nothing is sent any more. */
  stop(): void {
    for (const { timer } of this.#outstanding.values()) clearTimeout(timer);
    this.#outstanding.clear();
  }

  /** The observation was renewed, and its answer tells the newer state: older reports are not repeated. RFC 7641 §4.5.2 */
  renewed(token: Uint8Array): void {
    const key = tokenText(token);
    for (const [messageId, outstanding] of this.#outstanding) {
      if (outstanding.key !== key) continue;
      clearTimeout(outstanding.timer);
      this.#outstanding.delete(messageId);
    }
  }

  /** Reports a new value, unless the last one of this observation is still on its way. */
  notify(observed: Observed): void {
    const key = tokenText(observed.token);
    if ([...this.#outstanding.values()].some((o) => o.key === key)) return;
    const { model, random } = this.#life;
    const value = model.nextValue();
    const messageId = this.#life.nextMessageId();
    const options = [
      { number: OptionNumber.OBSERVE, value: uintValue(value & 0xff_ffff) },
      { number: OptionNumber.CONTENT_FORMAT, value: uintValue(SENML_JSON) },
    ];
    const payload = model.report(observed.paths, value);
    const bytes = encodeMessage({ type: MessageType.CON, code: Code.CONTENT, messageId, token: observed.token, options, payload });
    const timeoutMs = ACK_TIMEOUT_MS * (1 + random.between(0, 50) / 100);
    this.#transmit({ messageId, key, value, bytes, timeoutMs, left: MAX_RETRANSMIT });
  }

  /** Takes an ACK or RST of a notification; false if it is of something else. */
  handle(bytes: Uint8Array): boolean {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return false;
    const { type, messageId, code } = decoded.message;
    const outstanding = this.#outstanding.get(messageId);
    if (outstanding === undefined || code !== Code.EMPTY || (type !== MessageType.ACK && type !== MessageType.RST)) return false;
    clearTimeout(outstanding.timer);
    this.#outstanding.delete(messageId);
    if (type === MessageType.ACK) this.#life.acknowledged(outstanding.value);
    else this.#life.model.observations.delete(outstanding.key);
    return true;
  }

  #transmit(message: { messageId: number; key: string; value: number; bytes: Uint8Array; timeoutMs: number; left: number }): void {
    const { messageId, key, value, bytes, timeoutMs, left } = message;
    this.#life.send(bytes);
    const timer = setTimeout(() => {
      if (left > 0) return this.#transmit({ ...message, timeoutMs: 2 * timeoutMs, left: left - 1 });
      this.#outstanding.delete(messageId);
      if (this.#life.dropsUnacknowledged) this.#life.model.observations.delete(key);
    }, timeoutMs);
    this.#outstanding.set(messageId, { key, value, timer });
  }
}
