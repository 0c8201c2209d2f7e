/** A small reader of server-sent events, by the rules of the HTML Living Standard §9.2.6. */
export interface ReceivedMessage {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly id?: string; readonly data?: unknown; readonly [key: string]: unknown };
}

export class EventSourceReader {
  readonly response: Response;
  readonly messages: ReceivedMessage[] = [];
  comments = 0;
  lastEventId = '';
  ended = false;
  readonly #abort: AbortController;
  #waiting: (() => void)[] = [];

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    void this.#read();
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventSourceReader> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers }, signal: abort.signal });
    return new EventSourceReader(response, abort);
  }

  /** Resolves when the condition holds. */
  async until(condition: (reader: this) => boolean): Promise<void> {
    while (!condition(this)) {
      if (this.ended) throw new Error('the stream ended before that');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async take(count: number): Promise<ReceivedMessage[]> {
    await this.until(() => this.messages.length >= count);
    return this.messages;
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    let text = '';
    try {
      for await (const chunk of this.response.body ?? []) {
        text += Buffer.from(chunk).toString('utf8');
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
        this.#wake();
      }
    } catch {
      // Aborted, or cut by the server.
    }
    this.ended = true;
    this.#wake();
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      if (colon === 0) this.comments++;
      else fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
    }
    this.lastEventId = fields.get('id') ?? this.lastEventId;
    const data = fields.get('data');
    if (data === undefined) return;
    this.messages.push({ id: this.lastEventId, type: fields.get('event') ?? 'message', data: JSON.parse(data) as ReceivedMessage['data'] });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
