import { afterAll, beforeAll, expect, it } from 'vitest';
import { ScandiumServer } from './scandium-server.ts';
import { attack, ATTACKS, buildTlsAttacker } from './tls-attacker.ts';

const PSK = { mode: 'psk', identity: 'attacker', keyHex: '000102030405060708090a0b0c0d0e0f' } as const;

let server: ScandiumServer;

beforeAll(async () => {
  await buildTlsAttacker();
  server = await ScandiumServer.start({ psk: { [PSK.identity]: PSK.keyHex }, suite: 'TLS_PSK_WITH_AES_128_CCM_8' });
});
afterAll(() => server.stop());

it('shakes hands honestly, and sends data', async () => {
  const received = ['HelloVerifyRequest', 'ServerHello', 'ServerHelloDone', 'ChangeCipherSpec', 'Finished'];
  expect(await attack('honest', server.port, PSK)).toEqual({ received, alert: null });
  expect(String(await server.receive())).toBe('here');
});

it.each(ATTACKS.filter((name) => name !== 'honest' && name !== 'renegotiation'))('is not let in by %s', async (name) => {
  expect((await attack(name, server.port, PSK)).received).not.toContain('Finished');
});

it('asks for a renegotiation', async () => {
  const { received } = await attack('renegotiation', server.port, PSK);
  expect(received.filter((message) => message === 'Finished')).toHaveLength(1);
});
