/** wolfSSL 5.9 as a DTLS 1.2 client: PSK, X.509 and raw public keys, Connection ID, address changes on demand. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buildFromCrate } from './crate-sources.ts';
import { NATIVE_DIALECT, NativeClient } from './native-client.ts';
import { suiteFor, type CipherSuite, type DtlsClientOptions, type DtlsSecurity } from './peer.ts';

/** As it comes, wolfSSL has no plain PSK and takes Connection IDs of its peer up to 10 bytes only. */
const DEFINES = '-DWOLFSSL_STATIC_PSK -DDTLS_CID_MAX_SIZE=32';
const BUILD = `
./autogen.sh
./configure --quiet --enable-static --disable-shared --enable-dtls --enable-dtls13 --enable-dtlscid --enable-dtls-mtu --enable-rpk \\
  --enable-aesccm --enable-psk --disable-examples --disable-crypttests CPPFLAGS="${DEFINES}"
make --silent --jobs=2
gcc -O1 ${DEFINES} -I . "$PROJECT/client.c" -o "$OUT/client" src/.libs/libwolfssl.a -lm -lpthread`;

const SUITES: Readonly<Record<CipherSuite, string>> = {
  TLS_PSK_WITH_AES_128_CCM_8: 'PSK-AES128-CCM-8',
  TLS_PSK_WITH_AES_128_CBC_SHA256: 'PSK-AES128-CBC-SHA256',
  TLS_PSK_WITH_AES_128_GCM_SHA256: 'PSK-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: 'ECDHE-ECDSA-AES128-CCM-8',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
};

/** Raw public keys need `peerKeyFile`: wolfSSL accepts no key that it does not know. */
export interface WolfsslOptions extends DtlsClientOptions {
  /** Its own Connection ID as hex; without it no CID is agreed. */
  readonly cidHex?: string;
}

/** Fetches and builds the program where the cache has none; some minutes. */
export function buildWolfssl(): Promise<string> {
  const project = resolve(import.meta.dirname, '../../../clients/wolfssl');
  const tools = [['autoreconf', 'autoconf'], ['automake', 'automake'], ['libtoolize', 'libtool'], ['make', 'make']] as const;
  return buildFromCrate({ name: 'wolfssl', project, sources: 'wolfssl-sys/wolfssl-src', build: BUILD, tools });
}

/** Starts a client; its handshake begins at once. */
export async function startWolfssl(options: WolfsslOptions): Promise<NativeClient> {
  const { port, security, cidHex, mtu, patienceMs } = options;
  const args = [`port=${port}`, `suite=${SUITES[suiteFor(options)]}`, ...(await credentials(security))];
  if (cidHex !== undefined) args.push(`cid=${cidHex}`);
  if (mtu !== undefined) args.push(`mtu=${mtu}`);
  return new NativeClient(await buildWolfssl(), args, NATIVE_DIALECT, patienceMs);
}

async function credentials(security: DtlsSecurity): Promise<string[]> {
  if (security.mode === 'psk') return [`psk=${security.keyHex}`, `psk_identity=${security.identity}`];
  if (security.mode === 'x509') {
    return [`certificate=${security.certificateFile}`, `key=${security.keyFile}`, `trust=${security.trustFile}`];
  }
  const [own, peer] = [await derOf(security.publicKeyFile), await derOf(security.peerKeyFile ?? security.publicKeyFile)];
  return [`key=${security.keyFile}`, `spki=${own}`, `peer_spki=${peer}`];
}

/** The SubjectPublicKeyInfo of a PEM file, as hex. */
async function derOf(file: string): Promise<string> {
  const base64 = (await readFile(file, 'utf8')).replaceAll(/-----.*-----|\s/g, '');
  return Buffer.from(base64, 'base64').toString('hex');
}
