/** OpenSSL's `s_server` as a reference: what a driver is proved against. It serves one client after another. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { freeUdpPort } from '../udp-port.ts';
import { opensslCiphers } from './openssl.ts';
import type { CipherSuite, DtlsSecurity } from './peer.ts';
import { Words } from './words.ts';

export interface OpensslServerOptions {
  readonly security: Exclude<DtlsSecurity, { mode: 'rpk' }>;
  readonly suite: CipherSuite;
}

/** A running reference server. */
export class OpensslServer {
  readonly port: number;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #words: Words;

  private constructor(child: ChildProcessWithoutNullStreams, port: number) {
    this.#child = child;
    this.#words = new Words(child);
    this.port = port;
  }

  /** Resolves when it listens. */
  static async start({ security, suite }: OpensslServerOptions): Promise<OpensslServer> {
    const port = await freeUdpPort();
    const args = ['s_server', '-dtls1_2', '-accept', `127.0.0.1:${port}`, '-cipher', opensslCiphers(suite)];
    const server = new OpensslServer(spawn('openssl', [...args, ...credentials(security)]), port);
    await server.#words.next(/ACCEPT/);
    return server;
  }

  /** Sends a line to the client. */
  send(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Waits until the client's data contains the text. */
  async receive(text: RegExp): Promise<void> {
    await this.#words.next(text);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

function credentials(security: OpensslServerOptions['security']): readonly string[] {
  if (security.mode === 'psk') return ['-nocert', '-psk', security.keyHex, '-psk_identity', security.identity];
  const { certificateFile, keyFile, trustFile } = security;
  return ['-cert', certificateFile, '-key', keyFile, '-CAfile', trustFile, '-Verify', '2', '-verify_return_error'];
}
