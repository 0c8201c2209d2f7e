/** What one play of a test case works with: the client, and the server's API and events for its endpoint. */
import {
  eventTypes,
  type CommandRequest, type CommandResponse, type DesiredObservation, type EventType, type JsonValue,
  type ReportValue, type StreamedEvent,
} from '@cluster/contracts';
import { expect } from 'vitest';
import type { EventFilter } from './event-log.ts';
import type { Player } from './players.ts';
import type { RegisteredView } from './rest.ts';
import type { Scene } from './scene.ts';

/** Values by their paths. */
export type Values = Readonly<Record<string, JsonValue>>;

export class Trial<P extends Player = Player> {
  readonly player: P;
  readonly scene: Scene;
  readonly endpoint: string;

  constructor(player: P, scene: Scene) {
    this.player = player;
    this.scene = scene;
    this.endpoint = player.endpoint;
  }

  /** Gives a command and waits for the device's answer. */
  command(command: CommandRequest): Promise<CommandResponse> {
    return this.scene.rest.command(this.endpoint, command);
  }

  /** Gives a command that the device has to answer with this code. */
  async succeeds(code: string, command: CommandRequest): Promise<CommandResponse> {
    const response = await this.command(command);
    expect(response.code, `${command.op} ${command.path ?? command.paths?.join(' ') ?? ''}`).toBe(code);
    return response;
  }

  /** Reads a path, in a format where it is given, which the answer must have then. */
  async read(path: string, accept?: number): Promise<Values> {
    const format = accept === undefined ? {} : { accept };
    const response = await this.succeeds('2.05', { op: 'read', path, ...format });
    if (accept !== undefined) expect(response.contentFormat).toBe(accept);
    return byPath(response);
  }

  /** Writes one value; the device has to take it. */
  async write(path: string, value: JsonValue, contentFormat?: number): Promise<void> {
    const format = contentFormat === undefined ? {} : { contentFormat };
    await this.succeeds('2.04', { op: 'write', path, value, ...format });
  }

  /** Sets notification attributes; the device has to take them. */
  async writeAttributes(path: string, attributes: NonNullable<CommandRequest['attributes']>): Promise<void> {
    await this.succeeds('2.04', { op: 'write-attributes', path, attributes });
  }

  /** What Discover tells, link by link. */
  async discover(path: string): Promise<string[]> {
    const { links = '', contentFormat } = await this.succeeds('2.05', { op: 'discover', path });
    expect(contentFormat).toBe(40);
    return links.split(',');
  }

  /** Waits for an event of the endpoint. */
  heard(type: EventType, filter?: EventFilter): Promise<StreamedEvent> {
    return this.scene.heard(this.endpoint, type, filter);
  }

  /** Waits for a notification, of these paths where they are given. */
  async notification(paths?: readonly string[]): Promise<ReportValue> {
    const matches: EventFilter = ({ data }) => paths === undefined || String((data as ReportValue).paths) === String(paths);
    return (await this.heard(eventTypes.notification, matches)).data as ReportValue;
  }

  /** How many notifications the server has told. */
  get notifications(): number {
    return this.scene.told(this.endpoint, eventTypes.notification).length;
  }

  /** The endpoint as it stands. */
  async view(): Promise<RegisteredView> {
    const view = await this.scene.rest.endpoint(this.endpoint);
    if (view === undefined) throw new Error(`${this.endpoint} is not known`);
    return view;
  }

  /** Replaces what should be observed. */
  async observe(...observations: DesiredObservation[]): Promise<void> {
    await this.scene.rest.observe(this.endpoint, observations);
  }
}

/** Values of an answer or report by their paths. */
export function byPath({ values = [] }: Pick<CommandResponse, 'values'>): Values {
  return Object.fromEntries(values.map(({ path, value }) => [path, value]));
}
