/** The fuzz corpus: whole conversations as they were on the wire, one datagram a line; `#` begins a comment, `>` is the client's, `<` the server's. */
import { readFileSync, readdirSync } from 'node:fs';
import { hex } from '@cluster/bytes';

const CORPUS = new URL('corpus/', import.meta.url);

export interface Conversation {
  readonly file: string;
  /** What the client sent. */
  readonly sent: readonly Uint8Array[];
  readonly received: readonly Uint8Array[];
}

export const CONVERSATIONS: readonly Conversation[] = readdirSync(CORPUS)
  .filter((file) => file.endsWith('.hex'))
  .map((file) => {
    const lines = readFileSync(new URL(file, CORPUS), 'utf8').split('\n');
    const of = (mark: string): Uint8Array[] => lines.filter((line) => line.startsWith(mark)).map((line) => hex(line.slice(1).trim()));
    return { file, sent: of('>'), received: of('<') };
  });
