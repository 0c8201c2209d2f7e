/** Writes an event stream to an HTTP response. */
import type { ServerResponse } from 'node:http';
import type { StreamSink } from './event-stream.ts';

export function httpSink(response: ServerResponse): StreamSink {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    // A stream ends with its connection.
    connection: 'close',
  });
  response.flushHeaders();
  return {
    write: (text) => response.write(text),
    onDrain: (listener) => void response.on('drain', listener),
    onClose: (listener) => void response.on('close', listener),
    end: () => void response.end(),
    destroy: () => void response.destroy(),
  };
}
