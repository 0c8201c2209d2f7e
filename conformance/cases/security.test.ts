/** Test cases of security over UDP, 401 to 403 (OMA Transport 1.1.1 §5.2). */
import { eventTypes } from '@cluster/contracts';
import { startLeshan, startOpenssl, type LeshanDtls } from '@cluster/testing';
import { afterAll, expect } from 'vitest';
import type { CastOne, Player } from '../src/players.ts';
import { makeServerKeys } from '../src/server-keys.ts';
import { describeCases, testCase } from '../src/test-case.ts';

const KEY = '00112233445566778899aabbccddeeff';

const keys = await makeServerKeys('int-402-Leshan');
const misnamed = await makeServerKeys('int-403-Leshan', (pki) => pki.otherServer);
afterAll(async () => {
  await keys.remove();
  await misnamed.remove();
});

interface SecuredPlayer extends Player {
  /** How its handshake ended. */
  handshake(): Promise<{ readonly ok: boolean }>;
  /** Begins to register and does not wait for the end. */
  begin(): void;
}

/** Eclipse Leshan's client over DTLS. */
function leshan(dtls: (endpoint: string) => LeshanDtls): CastOne<SecuredPlayer> {
  return {
    client: 'Leshan',
    async open(scene, endpoint) {
      const client = await startLeshan({ endpoint, port: scene.server.coapsPort, lifetimeS: 60, dtls: dtls(endpoint) });
      const { update, deregister, send, setValue, stop, handshake } = client;
      const register = async (): Promise<void> => void (await client.register());
      const restart = async (): Promise<void> => void (await client.restart());
      const begin = (): void => client.process.command({ do: 'start' });
      return { endpoint, register, update, deregister, restart, send, setValue, stop, handshake, begin };
    },
  };
}

const suite = { psk: 'TLS_PSK_WITH_AES_128_CCM_8', x509: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8' } as const;
const certificate = ({ pki }: typeof keys) => (): LeshanDtls => ({ suite: suite.x509, security: { mode: 'x509', ...pki.client, trustFile: pki.trustFile } });

describeCases('Security over UDP', (group) => {
  const withKey = leshan((identity) => ({ suite: suite.psk, security: { mode: 'psk', identity, keyHex: KEY } }));

  testCase(group, { id: 'int-401', title: 'UDP Channel Security - Pre-shared Key Mode' }, [withKey], async (trial) => {
    await trial.scene.rest.setCredentials(trial.endpoint, { psk: { identity: trial.endpoint, keyHex: KEY } });
    await trial.player.register();
    expect(await trial.player.handshake()).toMatchObject({ ok: true, suite: suite.psk });
    await trial.heard(eventTypes.registered);
    expect(await trial.read('/3/0/0')).toEqual({ '/3/0/0': 'Eclipse Leshan' });
  });

  testCase(group, { id: 'int-402', title: 'UDP Channel Security - Certificate Mode' }, [leshan(certificate(keys))], async (trial) => {
    await trial.player.register();
    expect(await trial.player.handshake()).toMatchObject({ ok: true, suite: suite.x509 });
    await trial.heard(eventTypes.registered);
    expect(await trial.read('/3/0/0')).toEqual({ '/3/0/0': 'Eclipse Leshan' });
  });
}, keys.env);

describeCases('Security over UDP, the server under another name', (group) => {
  testCase(group, { id: 'int-403', title: 'Certificate Mode - server identity failure' }, [leshan(certificate(misnamed))], async (trial) => {
    trial.player.begin();
    expect(await trial.player.handshake()).toMatchObject({ ok: false });
    expect(trial.scene.told(trial.endpoint, eventTypes.registered)).toEqual([]);
    // The server goes on: a client that does not mind the name is served.
    const { coapsPort: port } = trial.scene.server;
    const { client, trustFile } = misnamed.pki;
    const other = startOpenssl({ port, security: { mode: 'x509', ...client, trustFile } });
    expect(await other.handshake()).toMatchObject({ ok: true });
    await other.close();
  });
}, misnamed.env);
