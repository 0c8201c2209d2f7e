/** Reads GET /api/v1/events as a client does that knows only the standard (HTML Living Standard §9.2). */
import { streamedEvent } from '@cluster/contracts';
import { EventLog } from './event-log.ts';

/** An open stream. */
export interface EventStream {
  readonly log: EventLog;
  /** What the client would resume with. */
  readonly lastEventId: string;
  close(): void;
}

/** Opens the stream, after `lastEventId` where it is given; resolves when the server answered, so that all that happens later is in it. */
export async function openEventStream(httpPort: number, lastEventId?: string): Promise<EventStream> {
  const abort = new AbortController();
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1/events`, { signal: abort.signal, headers });
  if (response.status !== 200 || response.body === null) throw new Error(`GET /api/v1/events: ${response.status}`);
  const log = new EventLog('GET /api/v1/events');
  const stream = { log, lastEventId: lastEventId ?? '', close: () => abort.abort() };
  void pump(response.body, stream).catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return stream;
}

type Open = { log: EventLog; lastEventId: string };

async function pump(body: ReadableStream<Uint8Array>, stream: Open): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) take(block, stream);
  }
}

function take(block: string, stream: Open): void {
  stream.lastEventId = /^id: ?(.*)$/m.exec(block)?.[1] ?? stream.lastEventId;
  const data = block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
  if (data.length === 0 || block.includes('event: gap')) return;
  stream.log.add(streamedEvent.parse(JSON.parse(data.join('\n'))));
}
