/** OpenSSL's `s_client` as a DTLS 1.2 client: PSK and ECDHE-ECDSA with certificates, sessions kept in a file, chosen MTU. */
import { ensureProgram } from '../../brokers/install.ts';
import { alertNumber } from './alerts.ts';
import { ConsoleClient, type Dialect } from './console-client.ts';
import { suiteFor, type CipherSuite, type DtlsClient, type DtlsClientOptions, type DtlsSecurity } from './peer.ts';

/** OpenSSL does no raw public keys before 3.2, and its tool none at all. */
export interface OpensslOptions extends DtlsClientOptions {
  readonly security: Exclude<DtlsSecurity, { mode: 'rpk' }>;
  /** Server name to ask for (SNI). */
  readonly serverName?: string;
  /** File that the session is written to, for a later resumption. */
  readonly keepSession?: string;
  /** File with a session to resume. */
  readonly resumeSession?: string;
  /** Whether it asks for tickets (RFC 5077); it does unless told. */
  readonly tickets?: boolean;
}

const SUITES: Readonly<Record<CipherSuite, string>> = {
  TLS_PSK_WITH_AES_128_CCM_8: 'PSK-AES128-CCM8',
  TLS_PSK_WITH_AES_128_CBC_SHA256: 'PSK-AES128-CBC-SHA256',
  TLS_PSK_WITH_AES_128_GCM_SHA256: 'PSK-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: 'ECDHE-ECDSA-AES128-CCM8',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
};

const DIALECT: Dialect = {
  established: /^Ciphersuite: \S+$/m,
  suite: (words) => {
    const name = /^Ciphersuite: (\S+)$/m.exec(words)?.[1];
    return (Object.keys(SUITES) as CipherSuite[]).find((suite) => SUITES[suite] === name);
  },
  resumed: (words) => !words.includes('read server done'),
  alert: (words) => alertNumber(/SSL3 alert read:\w+:(.+)/.exec(words)?.[1] ?? ''),
};

/** Makes sure that the program can be run. */
export async function ensureOpenssl(): Promise<void> {
  await ensureProgram('openssl', ['version'], 'openssl');
}

/** Starts a client; its handshake begins at once. */
export function startOpenssl(options: OpensslOptions): DtlsClient {
  const { port, mtu, serverName, keepSession, resumeSession, tickets, patienceMs } = options;
  const args = ['s_client', '-dtls1_2', '-brief', '-nocommands', '-state', '-connect', `127.0.0.1:${port}`];
  args.push('-cipher', opensslCiphers(suiteFor(options)), ...credentials(options.security));
  if (mtu !== undefined) args.push('-mtu', String(mtu));
  args.push(...(serverName === undefined ? ['-noservername'] : ['-servername', serverName]));
  if (keepSession !== undefined) args.push('-sess_out', keepSession);
  if (resumeSession !== undefined) args.push('-sess_in', resumeSession);
  if (tickets === false) args.push('-no_ticket');
  return new ConsoleClient('openssl', args, DIALECT, patienceMs);
}

/** OpenSSL's list with this one suite; security level 0 admits the 64-bit tag of CCM_8. */
export function opensslCiphers(suite: CipherSuite): string {
  return `${SUITES[suite]}:@SECLEVEL=0`;
}

function credentials(security: OpensslOptions['security']): readonly string[] {
  if (security.mode === 'psk') return ['-psk', security.keyHex, '-psk_identity', security.identity];
  const { certificateFile, keyFile, trustFile } = security;
  return ['-cert', certificateFile, '-key', keyFile, '-CAfile', trustFile, '-verify_return_error'];
}
