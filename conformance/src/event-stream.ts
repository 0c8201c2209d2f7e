/** Reads GET /api/v1/events as a client does that knows only the standard (HTML Living Standard §9.2). */
import { streamedEvent } from '@cluster/contracts';
import { EventLog } from './event-log.ts';

/** An open stream. */
export interface EventStream {
  readonly log: EventLog;
  close(): void;
}

/** Opens the stream; resolves when the server answered, so that all that happens later is in it. */
export async function openEventStream(httpPort: number): Promise<EventStream> {
  const abort = new AbortController();
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1/events`, { signal: abort.signal });
  if (response.status !== 200 || response.body === null) throw new Error(`GET /api/v1/events: ${response.status}`);
  const log = new EventLog('GET /api/v1/events');
  void pump(response.body, log).catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return { log, close: () => abort.abort() };
}

async function pump(body: ReadableStream<Uint8Array>, log: EventLog): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) take(block, log);
  }
}

function take(block: string, log: EventLog): void {
  const data = block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
  if (data.length === 0 || block.includes('event: gap')) return;
  log.add(streamedEvent.parse(JSON.parse(data.join('\n'))));
}
