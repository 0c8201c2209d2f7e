/** Compliance of the port for issued certificates: kept by serial number, by endpoint and by their end; revoked once. */
import type { CertificateStore, IssuedCertificate } from '@cluster/pki';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Opened } from './session-store.ts';

/** What is over is gone from stores that go by their own clocks. */
const NOW_MS = Date.parse('2096-06-01T12:00:00Z');
const REVOCATION = { atMs: NOW_MS, reason: 'keyCompromise' } as const;
let serials = 0;

function certificate(endpoint: string, notAfterMs: number): IssuedCertificate {
  const serial = `4${(++serials * 7_919).toString(16).padStart(31, '0')}`;
  return { serial, endpoint, sha256: serial.repeat(2), notBeforeMs: NOW_MS, notAfterMs };
}

export function certificateStoreCompliance(name: string, open: () => Promise<Opened<CertificateStore>>): void {
  describe(`issued certificates: ${name}`, () => {
    let opened: Opened<CertificateStore>;
    const store = () => opened.store;
    const kept = async (endpoint: string, ...ends: readonly number[]): Promise<IssuedCertificate[]> => {
      const certificates = ends.map((end) => certificate(endpoint, NOW_MS + end));
      for (const each of certificates) await store().putCertificate(each);
      return certificates;
    };
    beforeAll(async () => void (opened = await open()));
    afterAll(() => opened.close());

    test('one is found by its serial number and its endpoint', async () => {
      const [late, early] = (await kept('urn:dev:ü 1', 2_000, 1_000)) as [IssuedCertificate, IssuedCertificate];
      expect(await store().findCertificate(late.serial)).toEqual(late);
      expect(await store().findCertificate('40')).toBeUndefined();
      expect(await store().certificatesOf('urn:dev:ü 1')).toEqual([early, late]);
      expect(await store().certificatesOf('urn:dev')).toEqual([]);
    });

    test('a revocation stays as it was first made', async () => {
      const [one, other] = (await kept('revoked', 10_000, 20_000)) as [IssuedCertificate, IssuedCertificate];
      expect(await store().revokeCertificate(one.serial, REVOCATION)).toEqual({ ...one, revocation: REVOCATION });
      expect(await store().revokeCertificate(one.serial, { atMs: NOW_MS + 1, reason: 'superseded' })).toEqual({ ...one, revocation: REVOCATION });
      expect(await store().revokeCertificate('41', REVOCATION)).toBeUndefined();
      expect(await store().certificatesOf('revoked')).toEqual([{ ...one, revocation: REVOCATION }, other]);
      expect((await store().revokedCertificates()).map(({ serial }) => serial)).toEqual([one.serial]);
    });

    test('all of them come in pages in the order of their ends', async () => {
      const base = 1_000_000_000;
      const ends = Array.from({ length: 25 }, (_, i) => base + 1_000 * (i % 5));
      const made = (await kept('paged', ...ends)).sort((a, b) => a.notAfterMs - b.notAfterMs || (a.serial < b.serial ? -1 : 1));
      const found: IssuedCertificate[] = [];
      for (let after: IssuedCertificate | undefined = { ...made[0]!, notAfterMs: NOW_MS + base, serial: '' }; after !== undefined; ) {
        const page = await store().certificatesByExpiry({ untilMs: NOW_MS + base + 3_000, after, limit: 7 });
        found.push(...page);
        after = page.length < 7 ? undefined : page.at(-1);
      }
      expect(found).toEqual(made.filter(({ notAfterMs }) => notAfterMs <= NOW_MS + base + 3_000));
      expect(await store().certificatesByExpiry({ untilMs: NOW_MS - 1, limit: 10 })).toEqual([]);
    });

    test('what is dropped is gone, revoked or not', async () => {
      const [one, other, stays] = (await kept('dropped', 30_000, 31_000, 32_000)) as [IssuedCertificate, IssuedCertificate, IssuedCertificate];
      await store().revokeCertificate(one.serial, REVOCATION);
      await store().dropCertificates([one, other]);
      await store().dropCertificates([one]);
      expect(await store().certificatesOf('dropped')).toEqual([stays]);
      expect(await store().findCertificate(one.serial)).toBeUndefined();
      expect((await store().revokedCertificates()).map(({ serial }) => serial)).not.toContain(one.serial);
      expect(await store().certificatesByExpiry({ untilMs: NOW_MS + 32_000, after: { notAfterMs: NOW_MS + 29_000, serial: '' }, limit: 10 })).toEqual([stays]);
      expect(await store().revokeCertificate(one.serial, REVOCATION)).toBeUndefined();
    });
  });
}
