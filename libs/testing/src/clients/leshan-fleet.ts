/**
 * Some LwM2M devices over DTLS in one process: Leshan clients, with a Scandium association, a replay window and a UDP socket
 * each. They register, update and Send, and keep a ledger of what the server answered.
 */
import { readFile } from 'node:fs/promises';
import type { JsonLineProcess } from './json-process.ts';
import { startJava } from './leshan.ts';

const HEAP = '256m';

export interface LeshanFleetOptions {
  readonly devices: readonly { readonly endpoint: string; readonly identity: string; readonly keyHex: string }[];
  /** Secure CoAP port of the server on 127.0.0.1. */
  readonly port: number;
  /** 60 unless told. */
  readonly lifetimeS?: number;
  /** Length of each device's own Connection ID; without it no CID is agreed. */
  readonly cidLength?: number;
  /** Seconds between two Sends of a device; 1 unless told. */
  readonly sendS?: number;
  readonly ledgerFile: string;
}

export interface LeshanFleetCounters {
  readonly fullHandshakes: number;
  readonly resumptions: number;
  readonly handshakesFailed: number;
  /** Alerts of the server. */
  readonly alerts: number;
  readonly registers: number;
  /** Leshan shakes hands again after such a one. */
  readonly registersUnanswered: number;
  readonly updates: number;
  readonly updatesRefused: number;
  /** Sends answered with success, with another code, and not at all. */
  readonly acknowledged: number;
  readonly refused: number;
  readonly unanswered: number;
  readonly recordsReceived: number;
  /** Refused by the replay window, or wrong in another way. */
  readonly recordsDropped: number;
  /** Records that did not authenticate. */
  readonly macErrors: number;
}

export class LeshanFleet {
  readonly process: JsonLineProcess;
  readonly #ledgerFile: string;

  private constructor(process: JsonLineProcess, ledgerFile: string) {
    this.process = process;
    this.#ledgerFile = ledgerFile;
  }

  /** Opens the process; no device speaks before `start`. */
  static async open({ port, ...settings }: LeshanFleetOptions): Promise<LeshanFleet> {
    const process = await startJava('lwm2m.cluster.FleetMain', { uri: `coaps://127.0.0.1:${port}`, ...settings }, HEAP);
    await process.next('ready');
    return new LeshanFleet(process, settings.ledgerFile);
  }

  /** Lets the devices shake hands and register. Resolves when all are registered. */
  async start(patienceMs = 120_000): Promise<void> {
    this.process.command({ do: 'start' });
    await this.process.next('registered', undefined, patienceMs);
  }

  /** No device begins another Send. */
  pause(): void {
    this.process.command({ do: 'pause' });
  }

  /** Counts since the start. What the ledger has to tell is in its file then. */
  async report(): Promise<{ readonly registered: number; readonly totals: LeshanFleetCounters }> {
    this.process.command({ do: 'report' });
    return (await this.process.next('report')) as never;
  }

  /** What the server answered with success, as of the last report. */
  async ledger(): Promise<{ readonly endpoint: string; readonly value: number }[]> {
    const lines = (await readFile(this.#ledgerFile, 'utf8')).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as { endpoint: string; value: number });
  }

  /** Ends the fleet without a word to the server. */
  async stop(): Promise<void> {
    await this.process.stop();
  }
}
