/** The simulated device over DTLS, for what no third-party client does: enrolment of a certificate (EST) on the way of its bootstrap. */
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SecureDevice, type SecureDeviceOptions } from '@cluster/testing';
import type { CastOne, Player } from './players.ts';

const run = promisify(execFile);
const notPlayed = (): never => {
  throw new Error('the device over DTLS does not play this');
};

export interface SecurePlayer extends Player {
  /** Shakes hands at a port, with a credential. */
  connect(to: Omit<SecureDeviceOptions, 'endpoint'>): Promise<SecureDevice>;
  /** A key pair of its own, and the request for its certificate (PKCS #10) in DER. */
  keyPair(): Promise<{ readonly privateKey: ReturnType<typeof createPrivateKey>; readonly request: Uint8Array }>;
}

export function securePlayer(because: string): CastOne<SecurePlayer> {
  return {
    client: 'simulator',
    simulatedBecause: because,
    async open(_scene, endpoint) {
      const directory = await mkdtemp(join(tmpdir(), 'secure-player-'));
      const devices: SecureDevice[] = [];
      return {
        endpoint,
        async connect(to) {
          const device = await SecureDevice.connect({ endpoint, ...to });
          devices.push(device);
          return device;
        },
        async keyPair() {
          const [key, request] = [join(directory, 'key.pem'), join(directory, 'request.der')];
          const pair = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
          await run('openssl', ['req', '-new', ...pair, '-subj', `/CN=${endpoint}`, '-outform', 'DER', '-out', request]);
          return { privateKey: createPrivateKey(await readFile(key)), request: await readFile(request) };
        },
        register: notPlayed, update: notPlayed, deregister: notPlayed, restart: notPlayed, send: notPlayed, setValue: notPlayed,
        async stop() {
          for (const device of devices) device.close();
          await rm(directory, { recursive: true });
        },
      };
    },
  };
}

/** Takes the one certificate that the device was given for its server. Certificate Usage 3, OMA Transport 1.1.1 §5.2.8.7 */
export function pinned(certificate: Uint8Array): NonNullable<SecureDeviceOptions['judgeServer']> {
  const BAD_CERTIFICATE = 42;
  return (_, [shown]) => (shown !== undefined && Buffer.from(shown).equals(certificate) ? new X509Certificate(shown).publicKey : BAD_CERTIFICATE);
}
