/**
 * Asks a device to renew its certificate. In EST it is the device that asks (RFC 9148 §4.2, RFC 7030 §4.2.2), and nothing lets a server
 * begin it; what LwM2M has for that is the Bootstrap-Request Trigger: the device bootstraps, and gets or enrols for another
 * certificate there. OMA LwM2M Core 1.1 §6.1.3, OMA Transport 1.1.1 §5.2.4
 */
import type { RenewalState } from '@cluster/contracts';
import type { IssuedCertificate } from '@cluster/pki';
import type { ConfigurationDesk, Northbound } from '@cluster/session';
import { serverInstances, TRIGGER_KEY } from '../trigger.ts';

interface Deps {
  readonly northbound: Pick<Northbound, 'endpoint' | 'submit'>;
  readonly configurations: Pick<ConfigurationDesk, 'preview'>;
  readonly enabled: boolean;
  /** Of a certificate that is issued now, unless the authority ends before. */
  readonly validityMs: number;
  readonly authorityEndsMs: () => number;
}

export interface Asked {
  readonly renewal: RenewalState;
  readonly commandId?: string;
}

/** /0/x/1 and /0/x/2, with X.509 (2) or EST (4). Row B15 */
const [SECURITY, IS_BOOTSTRAP, MODE] = ['/0/', 1, 2];
const CERTIFICATE_MODES: readonly unknown[] = [2, 4];
const DAY_MS = 86_400_000;
const MOST_TTL_S = 30 * 86_400;

export class RenewalTrigger {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** `key`: who asks twice with it asks once. */
  async ask({ endpoint, notAfterMs }: IssuedCertificate, key: string, nowMs: number): Promise<Asked> {
    const { northbound, enabled, validityMs, authorityEndsMs } = this.#deps;
    if (!enabled) return { renewal: 'off' };
    // Another certificate would end as soon.
    if (Math.min(nowMs + validityMs, authorityEndsMs()) < notAfterMs + DAY_MS) return { renewal: 'authority-ends' };
    const view = await northbound.endpoint(endpoint);
    if (view === undefined) return { renewal: 'unknown-endpoint' };
    if (view.state !== 'registered') return { renewal: 'not-registered' };
    const [instance, ...others] = serverInstances(view);
    if (instance === undefined || others.length > 0) return { renewal: 'no-server-instance' };
    if (!(await this.#wouldGetOne(endpoint))) return { renewal: 'no-account' };
    const ttlS = Math.max(1, Math.min(MOST_TTL_S, Math.floor((notAfterMs - nowMs) / 1_000)));
    const submission = await northbound.submit(endpoint, { op: 'execute', path: `${instance}/9`, supersede: TRIGGER_KEY, idempotencyKey: key, ttlS });
    if (submission.outcome === 'accepted') return { renewal: 'asked', commandId: submission.status.id };
    return { renewal: submission.outcome === 'repeated' ? 'asked' : 'queue-full' };
  }

  /** Whether its configuration has an account with a certificate. */
  async #wouldGetOne(endpoint: string): Promise<boolean> {
    const preview = await this.#deps.configurations.preview(endpoint, '1.1');
    if (typeof preview === 'string') return false;
    return preview.writes.some(({ path, resources }) => {
      const valueOf = (wanted: number) => resources.find(({ id }) => id === wanted)?.value;
      return path.startsWith(SECURITY) && valueOf(IS_BOOTSTRAP) === false && CERTIFICATE_MODES.includes(valueOf(MODE));
    });
  }
}
