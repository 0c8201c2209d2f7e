/** What a driver keeps outside of any worker, in memory: fixed parts by CID, moving parts by device, and the credentials. */
import type { Credential, DtlsServer, DtlsServerEvent, KeyObject, PskAnswer, StoredAssociation, Verdict } from '../src/index.ts';
import { decodeFixed, decodeMoving, encodeMoving, runPublicKeyWork } from '../src/index.ts';

/** As `toHex` does, but fast: the benchmark counts it in. */
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

/** Answers the questions of any number of workers, as one store behind them would. */
export class TestStore {
  readonly psks = new Map<string, PskAnswer>();
  /** Verdicts by the end entity's certificate or the raw key, hex. */
  readonly keys = new Map<string, KeyObject>();
  readonly fixed = new Map<string, Uint8Array>();
  readonly moving = new Map<string, Uint8Array>();
  readonly lastFlights = new Map<string, Uint8Array>();
  readonly revoked = new Set<string>();
  sendBlock = 64;

  /** The answer to a question; undefined for what is none. */
  answerTo(event: DtlsServerEvent): { question: number; answer: unknown } | undefined {
    switch (event.kind) {
      case 'psk-wanted':
        return { question: event.question, answer: this.psks.get(toHex(event.identity)) };
      case 'verdict-wanted':
        return { question: event.question, answer: this.#verdict(event.chain[0]!) };
      case 'work-wanted':
        return { question: event.question, answer: runPublicKeyWork(event.work) };
      case 'resumption-wanted': {
        const fixed = event.sessionId && this.fixed.get(toHex(event.sessionId));
        const credential = event.credential ?? (fixed && decodeFixed(fixed)?.credential);
        const ok = credential !== undefined && !this.revoked.has(credential.deviceNumber);
        return { question: event.question, answer: ok ? { ok, ...(fixed && { fixed }) } : { ok: false } };
      }
      case 'store-wanted':
        this.fixed.set(toHex(event.cid), event.fixed);
        if (event.lastFlight !== undefined) this.lastFlights.set(toHex(event.cid), event.lastFlight);
        this.moving.set(event.credential.deviceNumber, event.moving);
        return { question: event.question, answer: true };
      case 'association-wanted':
        return { question: event.question, answer: this.#stored(event.cid, event.peer) };
      case 'takeover-wanted':
        return { question: event.question, answer: this.#takeOver(event.credential, event.fence, event.ceiling, event.moveTo) };
      default:
        return undefined;
    }
  }

  /** Stores a number or ceiling; false if another worker has the device by now. */
  update(deviceNumber: string, fence: number, change: { sendEnd?: number; receiveCeiling?: number }): boolean {
    const moving = decodeMoving(this.moving.get(deviceNumber)!)!;
    if (moving.fence !== fence) return false;
    this.moving.set(deviceNumber, encodeMoving({ ...moving, ...change }));
    return true;
  }

  #verdict(certificate: Uint8Array): Verdict {
    const publicKey = this.keys.get(toHex(certificate));
    if (publicKey === undefined) return { ok: false, alert: 46 };
    return { ok: true, publicKey, identity: certificate.slice(0, 32), deviceNumber: 'CERTDEV0', credentialVersion: 1 };
  }

  #stored(cid: Uint8Array | undefined, peer: string): StoredAssociation {
    for (const [name, fixed] of this.fixed) {
      const { credential } = decodeFixed(fixed)!;
      const moving = this.moving.get(credential.deviceNumber);
      if (moving === undefined || this.revoked.has(credential.deviceNumber)) continue;
      if (cid === undefined ? decodeMoving(moving)!.peer === peer : name === toHex(cid)) return { fixed, moving, ...this.#lastFlight(name) };
    }
    return undefined;
  }

  #lastFlight(name: string): { lastFlight?: Uint8Array } {
    const lastFlight = this.lastFlights.get(name);
    return lastFlight === undefined ? {} : { lastFlight };
  }

  #takeOver({ deviceNumber }: Credential, fence: number, ceiling: number, moveTo: string | undefined): unknown {
    const moving = decodeMoving(this.moving.get(deviceNumber)!)!;
    if (moving.fence !== fence) return undefined;
    const taken = encodeMoving({
      ...moving,
      fence: fence + 1,
      sendEnd: moving.sendEnd + this.sendBlock,
      receiveCeiling: Math.max(moving.receiveCeiling, ceiling),
      peer: moveTo ?? moving.peer,
    });
    this.moving.set(deviceNumber, taken);
    return { moving: taken, sendFrom: moving.sendEnd };
  }
}

/** One worker: its engine, its store, and everything that happened. */
export class TestWorker {
  readonly happened: DtlsServerEvent[] = [];
  readonly devices = new Map<number, { number: string; fence: number }>();
  /** Questions stay open while this is set. */
  silent: ((event: DtlsServerEvent) => boolean) | undefined;
  readonly server: DtlsServer;
  readonly store: TestStore;

  constructor(server: DtlsServer, store: TestStore) {
    this.server = server;
    this.store = store;
  }

  /** Answers what is asked until nothing is; returns the datagrams that left. */
  settle(nowMs: number): { peer: string; bytes: Uint8Array }[] {
    const sent: { peer: string; bytes: Uint8Array }[] = [];
    for (;;) {
      const { datagrams, events } = this.server.poll();
      sent.push(...datagrams);
      if (events.length === 0) return sent;
      for (const event of events) this.#take(nowMs, event);
    }
  }

  /** What happened of one kind. */
  of<Kind extends DtlsServerEvent['kind']>(kind: Kind): (DtlsServerEvent & { kind: Kind })[] {
    return this.happened.filter((event): event is DtlsServerEvent & { kind: Kind } => event.kind === kind);
  }

  #take(nowMs: number, event: DtlsServerEvent): void {
    this.happened.push(event);
    if (event.kind === 'established') this.devices.set(event.association, { number: event.credential.deviceNumber, fence: event.fence });
    if (event.kind === 'closed') this.devices.delete(event.association);
    if (this.silent?.(event)) return;
    const answer = 'association' in event && 'question' in event ? { question: event.question, answer: this.#store(event) } : this.store.answerTo(event);
    if (answer !== undefined) this.server.answer(nowMs, answer.question, answer.answer as never);
  }

  /** A number or ceiling is stored under this worker's fence only. */
  #store(event: { association: number; sendEnd?: number; ceiling?: number }): boolean {
    const { number, fence } = this.devices.get(event.association)!;
    const { sendEnd, ceiling } = event;
    return this.store.update(number, fence, { ...(sendEnd !== undefined && { sendEnd }), ...(ceiling !== undefined && { receiveCeiling: ceiling }) });
  }
}
