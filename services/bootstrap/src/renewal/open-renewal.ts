/** Puts the renewal of certificates together, where there is an authority. */
import type { CertificateNews } from '@cluster/coap-kit';
import type { Config } from '@cluster/config';
import { parseCertificate } from '@cluster/dtls';
import { renewalWindowMs } from '@cluster/pki';
import type { Northbound } from '@cluster/session';
import type { BootstrapDeps } from '../start.ts';
import { CertificateRenewal } from './certificate-renewal.ts';
import { RenewalTrigger } from './renewal-trigger.ts';

const DAY_MS = 86_400_000;

export function openRenewal(
  config: Config, { issuing, cluster, sessions, configurations, metrics, log }: BootstrapDeps, northbound: Northbound, news: CertificateNews,
): CertificateRenewal | undefined {
  if (issuing === undefined) return undefined;
  const { authority, certificates } = issuing;
  const validityMs = config.caValidityDays * DAY_MS;
  const trigger = new RenewalTrigger({ northbound, configurations, enabled: config.caRenewalTrigger, validityMs, authorityEndsMs: () => endOf(authority.current().chain[0]!) });
  const count = (outcome: string) => metrics.counter('lwm2m_certificate_renewals_total', 'Certificates that are due, and whether their devices were asked to renew them', { outcome }).inc();
  return new CertificateRenewal({
    certificates, documents: cluster, trigger, news, count, log,
    timeMs: () => sessions.timeMs(), windowMs: renewalWindowMs(config),
  });
}

function endOf(der: Uint8Array): number {
  const parsed = parseCertificate(der);
  return typeof parsed === 'string' ? 0 : parsed.notAfterMs;
}
