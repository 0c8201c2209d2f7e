/** The DTLS engine's options out of the configuration, the cluster's secrets and the server's own keys. */
import type { Config, DtlsFiles, ServerIdentity } from '@cluster/config';
import { CIPHER_SUITES, type DtlsServerOptions, randomPool, type ServerCredential } from '@cluster/dtls';
import { availableParallelism } from 'node:os';
import type { PublicKeyLimits } from './public-key-pool.ts';
import type { DtlsSecurity } from './security.ts';

/** Send numbers that are reserved at a time. */
export const SEND_BLOCK = 64;

/** Of libuv's four threads one is left for files and names, of the processor one core for the event loop. */
const MAX_THREADS = 3;

export function publicKeyLimits(config: Config): PublicKeyLimits {
  const atATime = config.dtlsPublicKeyThreads ?? Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1));
  return { atATime, waiting: config.dtlsPublicKeyWaiting };
}

/** Keys and certificates are those of now whenever the engine looks: secrets and files may change. */
export function serverOptions(config: Config, security: DtlsSecurity): DtlsServerOptions {
  const { ring } = security.secrets;
  const credentials = withCertificate(security.files());
  security.onFiles((files) => void credentials.splice(0, credentials.length, ...withCertificate(files)));
  const rawKey = () => security.files().identities.find(({ chain }) => chain.length === 0);
  const modes = new Set(config.dtlsModes);
  const suites = config.dtlsCipherSuites.flatMap((name) => CIPHER_SUITES.filter((suite) => suite.name === name));
  const asymmetric = (['x509', 'rpk'] as const).filter((mode) => modes.has(mode));
  return {
    random: randomPool(),
    keys: {
      get cookie() { return ring.all('cookie'); },
      get cid() { return ring.all('cid'); },
      get ticket() { return ring.all('ticket'); },
    },
    credentials,
    ...(rawKey() === undefined ? {} : { rawPublicKey: currentKey(rawKey()!, rawKey) }),
    cipherSuites: suites.filter(({ keyExchange }) => (keyExchange === 'psk' ? modes.has('psk') : asymmetric.length > 0)).map(({ id }) => id),
    clientCredentials: asymmetric,
    unknownServerName: config.dtlsUnknownServerName,
    adoptByAddress: true,
    publicKeyWork: 'asked',
    sendBlock: SEND_BLOCK,
    ticketLifetimeS: config.dtlsTicketLifetimeS,
    limits: {
      maxHandshakes: config.dtlsMaxHandshakes,
      maxHandshakeBytes: config.dtlsMaxHandshakeBytes,
      maxAdoptions: config.dtlsMaxTakeovers,
      handshakeTimeoutMs: config.dtlsHandshakeTimeoutS * 1_000,
      maxAssociations: config.dtlsMaxAssociations,
    },
  };
}

function withCertificate({ identities }: DtlsFiles): ServerCredential[] {
  return identities.filter(({ chain }) => chain.length > 0).map(({ names, chain, publicKey, privateKey }) => ({ names, chain, publicKey, privateKey }));
}

/** The raw key as it is now; the first one, should the file be gone. */
function currentKey(first: ServerIdentity, now: () => ServerIdentity | undefined): { readonly publicKey: Uint8Array; readonly privateKey: ServerIdentity['privateKey'] } {
  return {
    get publicKey() { return (now() ?? first).publicKey; },
    get privateKey() { return (now() ?? first).privateKey; },
  };
}
