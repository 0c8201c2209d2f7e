/** The revocation list that the cluster publishes: it counts within a poll, and replaces the one before. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeCertificate } from '@cluster/dtls';
import { authority, issue, pem, revocationList } from '@cluster/dtls/testing/authority';
import { expect, test, vi } from 'vitest';
import { openSecurity } from './security.ts';

const POLL_MS = 5;

test('a published list ends a certificate, until a list without it is published', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'published-'));
  const root = authority('CN=Root');
  const device = issue({ subject: 'CN=device' }, root);
  const trustFile = join(directory, 'root.pem');
  await writeFile(trustFile, pem([root.der]));
  let [version, list]: [number, string | undefined] = [0, undefined];
  const publish = (serials: readonly number[]) => ([version, list] = [version + 1, revocationList(root, serials).toString('base64')]);
  const documents = async (_: string, known?: number) => (known === version ? undefined : { version, documents: new Map(list === undefined ? [] : [['list', list]]) });
  const log = { info() {}, warn() {}, error() {} };
  const security = await openSecurity({ dtlsTrustFiles: [trustFile] } as never, { documents } as never, {} as never, log as never, POLL_MS);
  const changed = vi.fn<() => void>();
  security.onFiles(changed);
  const judged = () => judgeCertificate([device.der], { nowMs: Date.parse('2026-06-01'), trust: security.files().trust, requireRevocationLists: false });
  try {
    expect(judged()).toMatchObject({ ok: true });
    publish([device.serial]);
    await vi.waitFor(() => expect(judged()).toMatchObject({ ok: false, reason: 'revoked' }));
    expect(changed).toHaveBeenCalledOnce();
    publish([]);
    await vi.waitFor(() => expect(judged()).toMatchObject({ ok: true }));
    publish([device.serial, 1]);
    await vi.waitFor(() => expect(judged()).toMatchObject({ ok: false, reason: 'revoked' }));
  } finally {
    security.close();
    await rm(directory, { recursive: true });
  }
});
