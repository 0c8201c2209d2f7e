/**
 * Issued certificates, in parts by their serial numbers; what belongs to one certificate lies in the slot of its part. The
 * serials of an endpoint are a hint, written before the certificate is and looked at with it.
 */
import { byExpiry, type CertificateStore, type IssuedCertificate } from '@cluster/pki';
import { command, script, type Reply, type Router } from './command.ts';
import { fields } from './fields.ts';
import { partOf } from '@cluster/bytes';
import type { Keys } from './keys.ts';
import * as scripts from './certificate-scripts.ts';

const PARTS = 16;
const ALL_PARTS = Array.from({ length: PARTS }, (_, part) => part);
const TIME_DIGITS = 15;

type Pages = Pick<CertificateStore, 'certificatesByExpiry' | 'revokedCertificates'>;

export function certificateKeeper(router: Router, keys: Keys): CertificateStore {
  const find = (serials: readonly string[]) => findAll(router, keys, serials);
  return {
    ...pages(router, keys, find),
    async putCertificate(certificate) {
      const { serial, endpoint, notAfterMs } = certificate;
      const part = partOf(serial, PARTS);
      const hint = script(scripts.addSerial, [keys.certificatesOf(endpoint)], notAfterMs, serial);
      const put = script(scripts.putCertificate, [keys.certificates(part), keys.certificateEnds(part)], serial, JSON.stringify(certificate), placeOf(certificate));
      await router.inOrder([hint], [put], () => hint.key);
    },
    async findCertificate(serial) {
      return (await find([serial]))[0];
    },
    async certificatesOf(endpoint) {
      const [reply] = await router.execute([command(keys.certificatesOf(endpoint), 'zrange', 0, -1)], 'plain');
      return (await find(texts(reply!))).sort(byExpiry);
    },
    async revokeCertificate(serial, revocation) {
      const part = partOf(serial, PARTS);
      await router.execute([script(scripts.revokeCertificate, [keys.certificates(part), keys.revocations(part)], serial, JSON.stringify(revocation))], 'durable');
      return (await find([serial]))[0];
    },
    async dropCertificates(certificates) {
      if (certificates.length === 0) return;
      await router.execute(certificates.flatMap((each) => {
        const part = partOf(each.serial, PARTS);
        return [
          script(scripts.dropCertificate, [keys.certificates(part), keys.certificateEnds(part), keys.revocations(part)], each.serial, placeOf(each)),
          command(keys.certificatesOf(each.endpoint), 'zrem', each.serial),
        ];
      }), 'durable');
    },
  };
}

function pages(router: Router, keys: Keys, find: (serials: readonly string[]) => Promise<IssuedCertificate[]>): Pages {
  return {
    async certificatesByExpiry({ untilMs, after, limit }) {
      const from = after === undefined ? '-' : `(${placeOf(after)}`;
      const ranges = ALL_PARTS.map((part) => command(keys.certificateEnds(part), 'zrangebylex', from, `(${timeText(untilMs + 1)}`, 'LIMIT', 0, limit));
      const places = (await router.execute(ranges, 'plain')).flatMap(texts).sort().slice(0, limit);
      return (await find(places.map((place) => place.slice(TIME_DIGITS + 1)))).sort(byExpiry);
    },
    async revokedCertificates() {
      const replies = await router.execute(ALL_PARTS.map((part) => command(keys.revocations(part), 'hgetall')), 'plain');
      return find(replies.flatMap((reply) => fields(reply).map(([serial]) => serial)));
    },
  };
}

/** Those that are there. */
async function findAll(router: Router, keys: Keys, serials: readonly string[]): Promise<IssuedCertificate[]> {
  const byPart = Map.groupBy(serials, (serial) => partOf(serial, PARTS));
  const asked = [...byPart].flatMap(([part, ofPart]) => [command(keys.certificates(part), 'hmget', ...ofPart), command(keys.revocations(part), 'hmget', ...ofPart)]);
  if (asked.length === 0) return [];
  const replies = (await router.execute(asked, 'plain')) as readonly (readonly (Buffer | null)[])[];
  return replies.flatMap((records, i) => (i % 2 === 1 ? [] : records.flatMap((record, j) => certificateIn(record, replies[i + 1]![j]!))));
}

function certificateIn(record: Buffer | null, revocation: Buffer | null): IssuedCertificate[] {
  if (record === null) return [];
  const certificate = JSON.parse(String(record)) as IssuedCertificate;
  return [revocation === null ? certificate : { ...certificate, revocation: JSON.parse(String(revocation)) as NonNullable<IssuedCertificate['revocation']> }];
}

/** Text whose order is that of ends, then of serials. */
function placeOf({ notAfterMs, serial }: Pick<IssuedCertificate, 'notAfterMs' | 'serial'>): string {
  return `${timeText(notAfterMs)} ${serial}`;
}

function timeText(ms: number): string {
  return String(Math.max(0, ms)).padStart(TIME_DIGITS, '0');
}

function texts(reply: Reply): string[] {
  return (reply as readonly Buffer[]).map(String);
}
