/** One device by hand: each of its messages once, so that a test sees the answer itself and not how a client copes with it. */
import { Code, OptionNumber, uintOption } from '@cluster/coap';
import { RawPeer, type Answer } from '../src/raw-peer.ts';

export interface Told {
  readonly code: string;
  readonly maxAgeS: number | undefined;
}

export class LoneDevice {
  readonly endpoint: string;
  readonly #peer: RawPeer;
  readonly #port: number;
  #messageId = 1;
  #location: string[] = [];

  private constructor(endpoint: string, port: number, peer: RawPeer) {
    this.endpoint = endpoint;
    this.#port = port;
    this.#peer = peer;
  }

  static async open(endpoint: string, port: number): Promise<LoneDevice> {
    return new LoneDevice(endpoint, port, await RawPeer.open());
  }

  /** Where it is registered. */
  get location(): readonly string[] {
    return this.#location;
  }

  async register(lifetimeS = 300): Promise<Told> {
    const query = [`ep=${this.endpoint}`, `lt=${lifetimeS}`, 'lwm2m=1.1'];
    const answer = await this.#post(['rd'], { query, payload: '</3/0>', contentFormat: 40 });
    const location = answer?.message.options.filter((option) => option.number === OptionNumber.LOCATION_PATH) ?? [];
    if (answer?.code === '2.01') this.#location = location.map(({ value }) => Buffer.from(value).toString());
    return told(answer);
  }

  async update(): Promise<Told> {
    return told(await this.#post(this.#location, {}));
  }

  async send(): Promise<Told> {
    return told(await this.#post(['dp'], { payload: '[{"n":"/3/0/9","v":50}]', contentFormat: 110 }));
  }

  close(): void {
    this.#peer.close();
  }

  #post(path: readonly string[], content: { query?: string[]; payload?: string; contentFormat?: number }): Promise<Answer> {
    return this.#peer.request(this.#port, { code: Code.POST, path, messageId: this.#messageId++, ...content }, 10_000);
  }
}

function told(answer: Answer): Told {
  const maxAgeS = answer === undefined ? undefined : uintOption(answer.message, OptionNumber.MAX_AGE);
  return { code: answer?.code ?? 'silence', maxAgeS };
}
