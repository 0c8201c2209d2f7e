/**
 * Looks for certificates that are about to end, tells of each and has its device asked to renew it: in rounds of a day, as
 * long as the device has no other. Where a round stands is stored, so that a process goes on where another one was; two that
 * do it at once ask once, and tell under one id.
 */
import type { CertificateNews } from '@cluster/coap-kit';
import type { CertificateStore, ExpiryPlace, IssuedCertificate } from '@cluster/pki';
import type { ClusterStore } from '@cluster/session';
import type { Logger } from '@cluster/telemetry';
import type { Asked } from './renewal-trigger.ts';

interface Deps {
  readonly certificates: Pick<CertificateStore, 'certificatesByExpiry' | 'certificatesOf'>;
  readonly documents: Pick<ClusterStore, 'documents' | 'putDocument'>;
  readonly trigger: { ask(certificate: IssuedCertificate, key: string, nowMs: number): Promise<Asked> };
  readonly news: Pick<CertificateNews, 'publish'>;
  readonly count: (outcome: string) => void;
  readonly log: Pick<Logger, 'warn'>;
  /** The store's clock. */
  readonly timeMs: () => Promise<number>;
  /** Before its end a certificate is due for so long. */
  readonly windowMs: number;
}

/** What is stored: the day of the round, how far it looks ahead, and how far it is in the order of ends. */
interface Round {
  readonly dayMs: number;
  readonly windowMs: number;
  readonly after?: ExpiryPlace;
}

const EVERY_MS = 60_000;
const ROUND_MS = 86_400_000;
/** Devices that are asked in one pass at most: those of a fleet that was enrolled at once don't come back at once. */
export const MOST_AT_ONCE = 100;
const SET = 'certificate-renewal';
const NAME = 'round';
const LIMIT = { documents: 1, bytes: 1_024 };

export class CertificateRenewal {
  readonly #deps: Deps;
  #timer: NodeJS.Timeout | undefined;
  #passing: Promise<unknown> | undefined;
  #complained = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Looks now, and then every minute. */
  start(): void {
    this.#timer = setInterval(() => this.#soon(), EVERY_MS).unref();
    this.#soon();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#passing;
  }

  /** Returns how many were due. Rejects where store or events are away: what was not told is looked at again. */
  async pass(): Promise<number> {
    const { certificates, timeMs, windowMs } = this.#deps;
    const nowMs = await timeMs();
    const round = await this.#round(nowMs);
    const page = await certificates.certificatesByExpiry({ untilMs: nowMs + windowMs, after: round.after, limit: MOST_AT_ONCE });
    let due = 0;
    for (const certificate of page) if (await this.#look(certificate, round, nowMs)) due += 1;
    const last = page.at(-1);
    if (last !== undefined) await this.#store({ ...round, after: { notAfterMs: last.notAfterMs, serial: last.serial } });
    return due;
  }

  #soon(): void {
    this.#passing ??= this.pass()
      .then(() => { this.#complained = false; }, (err: unknown) => this.#complain(err))
      .finally(() => { this.#passing = undefined; });
  }

  /** Told once, until it works again. */
  #complain(err: unknown): void {
    if (!this.#complained) this.#deps.log.warn({ err }, 'certificates that are due can not be looked for');
    this.#complained = true;
  }

  async #look(certificate: IssuedCertificate, { dayMs }: Round, nowMs: number): Promise<boolean> {
    const { trigger, news, count } = this.#deps;
    if (certificate.notAfterMs <= nowMs || certificate.revocation !== undefined || (await this.#isReplaced(certificate))) return false;
    const asked = await trigger.ask(certificate, `renewal-${certificate.serial}-${dayMs}`, nowMs);
    await news.publish('due', certificate, asked, `-${dayMs}`);
    count(asked.renewal);
    return true;
  }

  /** A device that has another one, which lasts longer, renewed it by itself or was asked before. */
  async #isReplaced({ endpoint, notAfterMs }: IssuedCertificate): Promise<boolean> {
    const all = await this.#deps.certificates.certificatesOf(endpoint);
    return all.some((each) => each.revocation === undefined && each.notAfterMs > notAfterMs);
  }

  async #round(nowMs: number): Promise<Round> {
    const text = (await this.#deps.documents.documents(SET))?.documents.get(NAME);
    const stored = text === undefined ? undefined : (JSON.parse(text) as Round);
    // The same for all processes, so that two of them ask under one key.
    const dayMs = nowMs - (nowMs % ROUND_MS);
    const { windowMs } = this.#deps;
    if (stored?.dayMs === dayMs && stored.windowMs === windowMs) return stored;
    const round = { dayMs, windowMs };
    await this.#store(round);
    return round;
  }

  async #store(round: Round): Promise<void> {
    await this.#deps.documents.putDocument(SET, NAME, JSON.stringify(round), LIMIT);
  }
}
