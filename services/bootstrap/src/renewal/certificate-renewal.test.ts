import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IssuedCertificate } from '@cluster/pki';
import { openEmbeddedStore } from '@cluster/store-embedded';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CertificateRenewal, MOST_AT_ONCE } from './certificate-renewal.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 20_000 * DAY_MS + 3_600_000;

let directory: string;
let store: ReturnType<typeof openEmbeddedStore>;
let nowMs: number;
let told: string[];
let keys: Set<string>;
let counted: string[];
let eventsAway: boolean;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'renewal-'));
  store = openEmbeddedStore({ file: join(directory, 'lwm2m.db') });
  [nowMs, told, keys, counted, eventsAway] = [NOW_MS, [], new Set(), [], false];
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** A process that looks for what ends within so many days. */
function renewal(days = 10): CertificateRenewal {
  return new CertificateRenewal({
    certificates: store, documents: store, timeMs: async () => nowMs, windowMs: days * DAY_MS, count: (outcome) => counted.push(outcome),
    log: { warn: () => undefined },
    trigger: {
      async ask(_certificate, key) {
        keys.add(key);
        return { renewal: 'asked', commandId: 'c1' };
      },
    },
    news: {
      async publish(event, { endpoint }, more) {
        if (eventsAway) throw new Error('away');
        told.push(`${event} ${endpoint} ${more?.renewal}`);
      },
    },
  });
}

async function issued(endpoint: string, serial: string, days: number, more: Partial<IssuedCertificate> = {}): Promise<void> {
  const notAfterMs = NOW_MS + days * DAY_MS;
  await store.putCertificate({ serial, endpoint, sha256: serial.repeat(16), notBeforeMs: notAfterMs - 90 * DAY_MS, notAfterMs, ...more });
}

test('devices whose certificates are about to end are asked once a day, as long as they have no other', async () => {
  await issued('due', '0a01', 5);
  await issued('later', '0a02', 11);
  await issued('over', '0a03', -1);
  await issued('renewed', '0a04', 5);
  await issued('renewed', '0a05', 90);
  await issued('revoked', '0a06', 5);
  await store.revokeCertificate('0a06', { atMs: NOW_MS, reason: 'keyCompromise' });
  expect(await renewal().pass()).toBe(1);
  expect(await renewal().pass()).toBe(0); // another process, and the next minute
  expect([told, counted]).toEqual([['due due asked'], ['asked']]);

  nowMs += DAY_MS;
  expect(await renewal().pass()).toBe(2);
  expect([told.slice(1), keys.size]).toEqual([['due due asked', 'due later asked'], 3]);
});

test('who looks further ahead begins anew', async () => {
  await issued('later', '0a02', 11);
  expect([await renewal().pass(), await renewal(20).pass(), await renewal(20).pass()]).toEqual([0, 1, 0]);
  await issued('sooner', '0a01', 5);
  expect([await renewal(30).pass(), keys.size]).toEqual([2, 2]);
});

test('two processes at once ask under one key', async () => {
  await issued('due', '0a01', 5);
  await Promise.all([renewal().pass(), renewal().pass()]);
  expect(keys.size).toBe(1);
});

test('what could not be told is looked at again', async () => {
  await issued('due', '0a01', 5);
  eventsAway = true;
  await expect(renewal().pass()).rejects.toThrow('away');
  eventsAway = false;
  expect(await renewal().pass()).toBe(1);
  expect(keys.size).toBe(1);
});

test('a fleet that was enrolled at once is asked in parts', async () => {
  await Promise.all(Array.from({ length: MOST_AT_ONCE + 20 }, (_, i) => issued(`fleet-${i}`, (0x1000 + i).toString(16), 5)));
  expect([await renewal().pass(), await renewal().pass(), await renewal().pass()]).toEqual([MOST_AT_ONCE, 20, 0]);
});
