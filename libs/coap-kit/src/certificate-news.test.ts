import { readEvent } from '@cluster/events';
import { type CertificateStore, byExpiry, type IssuedCertificate } from '@cluster/pki';
import { Metrics } from '@cluster/telemetry';
import { expect, test, vi } from 'vitest';
import { CertificateNews, toldCertificates } from './certificate-news.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const certificate = (serial: string, days: number): IssuedCertificate => ({
  serial, endpoint: 'urn:dev:1', sha256: 'ab'.repeat(32), notBeforeMs: NOW_MS, notAfterMs: NOW_MS + days * DAY_MS,
});

test('what is issued, renewed and revoked is told, each under one id, and waits for no broker', async () => {
  const kept = new Map<string, IssuedCertificate>();
  const store = {
    putCertificate: async (each: IssuedCertificate) => void kept.set(each.serial, each),
    certificatesOf: async () => [...kept.values()].sort(byExpiry),
    revokeCertificate: async (serial: string, revocation: NonNullable<IssuedCertificate['revocation']>) => {
      const found = kept.get(serial);
      return found && { ...found, revocation };
    },
  } as unknown as CertificateStore;
  const told: unknown[] = [];
  const warn = vi.fn<() => void>();
  let away = false;
  const news = new CertificateNews({
    encoding: 'json', metrics: new Metrics(), log: { warn } as never,
    sessions: { resolve: async () => [undefined], load: async () => [], timeMs: async () => NOW_MS },
    publisher: {
      async publish(records) {
        if (away) throw new Error('away');
        for (const record of records) {
          const read = readEvent(record);
          if (read.ok) told.push([read.event.type, read.event.id, read.event.data]);
        }
      },
    },
  });
  const telling = toldCertificates(store, news);
  await telling.putCertificate(certificate('0a01', 90));
  await telling.putCertificate(certificate('0a02', 180));
  await telling.revokeCertificate('0a02', { atMs: NOW_MS, reason: 'keyCompromise' });
  expect(await telling.revokeCertificate('0a09', { atMs: NOW_MS, reason: 'keyCompromise' })).toBeUndefined();
  await vi.waitFor(() => expect(told).toMatchObject([
    ['lwm2m.bootstrap.certificate.issued', 'issued-0a01', { endpoint: 'urn:dev:1', serial: '0a01', notAfter: '2026-04-01T00:00:00.000Z' }],
    ['lwm2m.bootstrap.certificate.renewed', 'renewed-0a02', { serial: '0a02', replaces: '0a01' }],
    ['lwm2m.bootstrap.certificate.revoked', 'revoked-0a02', { serial: '0a02', reason: 'keyCompromise', revokedAt: '2026-01-01T00:00:00.000Z' }],
  ]));
  away = true;
  await telling.putCertificate(certificate('0a03', 90));
  await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce());
  expect(kept.has('0a03')).toBe(true);
});
