/** GnuTLS's `gnutls-cli` as a DTLS 1.2 client: PSK, X.509 and raw public keys. */
import { ensureProgram } from '../../brokers/install.ts';
import { ConsoleClient, type Dialect } from './console-client.ts';
import { suiteFor, type CipherSuite, type DtlsClient, type DtlsClientOptions, type DtlsSecurity } from './peer.ts';

/** Key exchange and cipher in a priority string, and how the tool names the pair. */
const SUITES: Readonly<Record<CipherSuite, { readonly priority: string; readonly said: RegExp }>> = {
  TLS_PSK_WITH_AES_128_CCM_8: { priority: '+PSK:+AES-128-CCM-8:+AEAD', said: /\(PSK\)-\(AES-128-CCM-8\)/ },
  TLS_PSK_WITH_AES_128_CBC_SHA256: { priority: '+PSK:+AES-128-CBC:+SHA256', said: /\(PSK\)-\(AES-128-CBC\)-\(SHA256\)/ },
  TLS_PSK_WITH_AES_128_GCM_SHA256: { priority: '+PSK:+AES-128-GCM:+AEAD', said: /\(PSK\)-\(AES-128-GCM\)/ },
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: { priority: '+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD', said: /\(ECDSA.*\(AES-128-CCM-8\)/ },
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: {
    priority: '+ECDHE-ECDSA:+AES-128-CBC:+SHA256', said: /\(ECDSA.*\(AES-128-CBC\)-\(SHA256\)/,
  },
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: { priority: '+ECDHE-ECDSA:+AES-128-GCM:+AEAD', said: /\(ECDSA.*\(AES-128-GCM\)/ },
};

const DIALECT: Dialect = {
  established: /- Handshake was completed/,
  dataAfter: '- Simple Client Mode:\n\n',
  notData: /- Peer has closed the GnuTLS connection\n|\*\*\* Received alert.*\n/,
  suite: (words) => (Object.keys(SUITES) as CipherSuite[]).find((suite) => SUITES[suite].said.test(words)),
  resumed: (words) => words.includes('This is a resumed session'),
  alert: (words) => (words.includes('Peer has closed') ? 0 : alertIn(words)),
};

/** Makes sure that the program can be run. */
export async function ensureGnutls(): Promise<void> {
  await ensureProgram('gnutls-cli', ['--version'], 'gnutls-bin');
}

/** Starts a client; its handshake begins at once. */
export function startGnutls(options: DtlsClientOptions): DtlsClient {
  const { port, mtu, patienceMs, security } = options;
  const certificates = security.mode === 'rpk' ? '+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK' : '+CTYPE-X509';
  const suite = SUITES[suiteFor(options)].priority;
  const priority = `NONE:+VERS-DTLS1.2:${suite}:${certificates}:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:%SAFE_RENEGOTIATION`;
  const args = ['--udp', '--disable-sni', '--priority', priority, '-p', String(port), ...credentials(security)];
  if (mtu !== undefined) args.push('--mtu', String(mtu));
  return new ConsoleClient('gnutls-cli', [...args, '127.0.0.1'], DIALECT, patienceMs);
}

function credentials(security: DtlsSecurity): readonly string[] {
  if (security.mode === 'psk') return ['--pskusername', security.identity, '--pskkey', security.keyHex];
  if (security.mode === 'rpk') {
    return ['--rawpkkeyfile', security.keyFile, '--rawpkfile', security.publicKeyFile, '--no-ca-verification'];
  }
  const { certificateFile, keyFile, trustFile } = security;
  return ['--x509certfile', certificateFile, '--x509keyfile', keyFile, '--x509cafile', trustFile];
}

/** e.g. "*** Received alert [115]: The server doesn't know the PSK identity". */
function alertIn(words: string): number | undefined {
  const number = /Received alert \[(\d+)\]/.exec(words)?.[1];
  return number === undefined ? undefined : Number(number);
}
