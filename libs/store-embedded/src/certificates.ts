/** Issued certificates: one row each, by serial number, with their endpoint and their end. */
import type { CertificateStore, IssuedCertificate } from '@cluster/pki';
import type { Database, Row } from './database.ts';

const ONE = 'SELECT record, revocation FROM store_certificates WHERE serial = ?';
const OF = 'SELECT record, revocation FROM store_certificates WHERE endpoint = ? ORDER BY not_after_ms, serial';
const PAGE = 'SELECT record, revocation FROM store_certificates WHERE (not_after_ms, serial) > (?, ?) AND not_after_ms <= ? ORDER BY not_after_ms, serial LIMIT ?';
const REVOKED = 'SELECT record, revocation FROM store_certificates WHERE revocation IS NOT NULL';

export function certificateKeeper(database: Database): CertificateStore {
  const find = (serial: string): IssuedCertificate | undefined => certificatesIn([database.get(ONE, serial)])[0];
  return {
    putCertificate: (certificate) =>
      database.write(() => {
        const { serial, endpoint, notAfterMs } = certificate;
        database.run('INSERT OR REPLACE INTO store_certificates VALUES (?, ?, ?, ?, NULL)', serial, endpoint, notAfterMs, JSON.stringify(certificate));
      }),
    findCertificate: (serial) => database.read(() => find(serial)),
    certificatesOf: (endpoint) => database.read(() => certificatesIn(database.all(OF, endpoint))),
    certificatesByExpiry: ({ untilMs, after, limit }) =>
      database.read(() => certificatesIn(database.all(PAGE, after?.notAfterMs ?? -1, after?.serial ?? '', untilMs, limit))),
    revokeCertificate: (serial, revocation) =>
      database.write(() => {
        database.run('UPDATE store_certificates SET revocation = ? WHERE serial = ? AND revocation IS NULL', JSON.stringify(revocation), serial);
        return find(serial);
      }),
    revokedCertificates: () => database.read(() => certificatesIn(database.all(REVOKED))),
    dropCertificates: (certificates) =>
      database.write(() => {
        for (const { serial } of certificates) database.run('DELETE FROM store_certificates WHERE serial = ?', serial);
      }),
  };
}

function certificatesIn(rows: readonly (Row | undefined)[]): IssuedCertificate[] {
  return rows.filter((row) => row !== undefined).map(({ record, revocation }) => ({
    ...(JSON.parse(String(record)) as IssuedCertificate),
    ...(revocation === null ? {} : { revocation: JSON.parse(String(revocation)) as NonNullable<IssuedCertificate['revocation']> }),
  }));
}
