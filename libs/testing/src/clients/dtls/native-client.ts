/** The small C clients on Mbed TLS and wolfSSL: how they speak, and what they can do beyond a command line tool. */
import { ConsoleClient, type Dialect } from './console-client.ts';
import type { CipherSuite } from './peer.ts';

/** A running client. */
export class NativeClient extends ConsoleClient {
  /** The CID in its records to the server, as hex; undefined where none was agreed. */
  get writeCid(): string | undefined {
    return /^cid agreed (\w*)$/m.exec(this.words)?.[1];
  }

  /** Has it go on from a fresh local port. */
  rebind(): Promise<void> {
    this.signal('SIGUSR1');
    return this.untilSaid('rebound');
  }
}

/** Their words on stderr; a suite's name is the standard one, but for its punctuation. */
export const NATIVE_DIALECT: Dialect = {
  established: /^established \S+$/m,
  suite: (words) => /^established (\S+)$/m.exec(words)?.[1]?.replaceAll('-', '_') as CipherSuite | undefined,
  resumed: () => false,
  alert: (words) => {
    const number = /^alert (\d+)$/m.exec(words)?.[1];
    return number === undefined ? undefined : Number(number);
  },
};
