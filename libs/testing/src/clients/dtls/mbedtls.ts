/** Mbed TLS 3.5 as a DTLS 1.2 client: PSK and ECDHE-ECDSA, Connection ID, chosen MTU, and address changes on demand. */
import { resolve } from 'node:path';
import { buildFromCrate } from './crate-sources.ts';
import { NATIVE_DIALECT, NativeClient } from './native-client.ts';
import { suiteFor, type CipherSuite, type DtlsClientOptions, type DtlsSecurity } from './peer.ts';

const BUILD = `
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DENABLE_TESTING=OFF -DENABLE_PROGRAMS=OFF
cmake --build build --parallel 2
gcc -O1 -I include "$PROJECT/client.c" -o "$OUT/client" -L build/library -lmbedtls -lmbedx509 -lmbedcrypto`;

export interface MbedtlsOptions extends DtlsClientOptions {
  readonly security: Exclude<DtlsSecurity, { mode: 'rpk' }>;
  /** Its own Connection ID as hex, '' for none of its own; without it no CID is agreed. */
  readonly cidHex?: string;
}

/** Mbed TLS names a suite with hyphens: TLS-PSK-WITH-AES-128-CCM-8. */
const mbedtlsName = (suite: CipherSuite): string => suite.replaceAll('_', '-');

/** Fetches and builds the program where the cache has none; a minute. */
export function buildMbedtls(): Promise<string> {
  const project = resolve(import.meta.dirname, '../../../clients/mbedtls');
  return buildFromCrate({ name: 'mbedtls', project, sources: 'psa-crypto-sys/vendor', build: BUILD, tools: [['cmake', 'cmake']] });
}

/** Starts a client; its handshake begins at once. */
export async function startMbedtls(options: MbedtlsOptions): Promise<NativeClient> {
  const { port, security, cidHex, mtu, patienceMs } = options;
  const args = [`port=${port}`, `suite=${mbedtlsName(suiteFor(options))}`];
  if (security.mode === 'psk') args.push(`psk=${security.keyHex}`, `psk_identity=${security.identity}`);
  else args.push(`certificate=${security.certificateFile}`, `key=${security.keyFile}`, `trust=${security.trustFile}`);
  if (cidHex !== undefined) args.push(`cid=${cidHex}`);
  if (mtu !== undefined) args.push(`mtu=${mtu}`);
  return new NativeClient(await buildMbedtls(), args, NATIVE_DIALECT, patienceMs);
}
