/** Tells on Kafka, and counts, what becomes of the certificates that the authority issued. Who lost an event reads the list over REST. */
import { type CertificateValue, DEFAULT_TENANT, type EventType, eventTypes, topics } from '@cluster/contracts';
import { buildEvent, type EventEncoding, type EventPublisher } from '@cluster/events';
import type { CertificateStore, IssuedCertificate } from '@cluster/pki';
import { type SessionStore, tenantsOf } from '@cluster/session';
import type { Logger, Metrics } from '@cluster/telemetry';

export type CertificateEvent = 'issued' | 'renewed' | 'revoked' | 'due';

interface Deps {
  readonly publisher: Pick<EventPublisher, 'publish'>;
  readonly sessions: Pick<SessionStore, 'resolve' | 'load' | 'timeMs'>;
  readonly encoding: EventEncoding;
  readonly metrics: Pick<Metrics, 'counter'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** One source for all processes: what two of them tell of one certificate has one id. */
const SOURCE = '/lwm2m/certificates';
const TYPES: Readonly<Record<CertificateEvent, EventType>> = {
  issued: eventTypes.certificateIssued, renewed: eventTypes.certificateRenewed, revoked: eventTypes.certificateRevoked, due: eventTypes.certificateDue,
};

export class CertificateNews {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Rejects where the event is not stored. `part`: tells events of one kind and certificate apart. */
  async publish(event: CertificateEvent, certificate: IssuedCertificate, more: Partial<CertificateValue> = {}, part = ''): Promise<void> {
    const { publisher, sessions, encoding, metrics } = this.#deps;
    metrics.counter('lwm2m_certificate_events_total', 'What became of certificates that were issued to devices', { event }).inc();
    const { endpoint, serial } = certificate;
    const tenant = (await tenantsOf(sessions, [endpoint])).get(endpoint) ?? DEFAULT_TENANT;
    await publisher.publish([buildEvent({
      topic: topics.bootstrap, type: TYPES[event], id: `${event}-${serial}${part}`, source: SOURCE, endpoint, tenant, timeMs: await sessions.timeMs(),
      generation: 0, fence: 0, sessionVersion: 0, encoding, data: { ...valueOf(certificate), ...more } satisfies CertificateValue,
    })]);
  }

  /** Keeps nobody waiting. */
  tell(...event: Parameters<CertificateNews['publish']>): void {
    const [kind, { serial }] = event;
    this.publish(...event).catch((err: unknown) => this.#deps.log.warn({ err, serial, event: kind }, 'an event of a certificate was not told'));
  }
}

/** The same store, which tells what it keeps. */
export function toldCertificates(store: CertificateStore, news: Pick<CertificateNews, 'tell'>): CertificateStore {
  return {
    ...store,
    async putCertificate(certificate) {
      const former = (await store.certificatesOf(certificate.endpoint)).findLast(({ revocation, notAfterMs }) => revocation === undefined && notAfterMs > certificate.notBeforeMs);
      await store.putCertificate(certificate);
      if (former === undefined) news.tell('issued', certificate);
      else news.tell('renewed', certificate, { replaces: former.serial });
    },
    async revokeCertificate(serial, revocation) {
      const revoked = await store.revokeCertificate(serial, revocation);
      if (revoked !== undefined) news.tell('revoked', revoked);
      return revoked;
    },
  };
}

function valueOf({ endpoint, serial, sha256, notBeforeMs, notAfterMs, revocation }: IssuedCertificate): CertificateValue {
  return {
    endpoint, serial, sha256, notBefore: new Date(notBeforeMs).toISOString(), notAfter: new Date(notAfterMs).toISOString(),
    ...(revocation && { revokedAt: new Date(revocation.atMs).toISOString(), reason: revocation.reason }),
  };
}
