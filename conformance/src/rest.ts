/** The REST API as operators use it, checked against its contracts. */
import {
  commandStatus, endpointView, lastValue, observationView, registrationValue,
  type CommandRequest, type DeviceSettings, type CommandResponse, type CommandStatus, type DesiredObservation, type LastValue, type ObservationTemplate, type ObservationView,
} from '@cluster/contracts';

/** An endpoint that has registered. */
const registeredView = endpointView.required({ expiresAt: true }).extend(registrationValue.shape);
export type RegisteredView = ReturnType<typeof registeredView.parse>;

/** REST answered otherwise than the test needs. */
export class RestRefused extends Error {
  readonly code = 'REST_REFUSED';
  readonly status: number;

  constructor(what: string, status: number, body: string) {
    super(`${what}: ${status} ${body}`);
    this.status = status;
  }
}

const WAIT_S = 20;

/** One server's REST API. */
export class Rest {
  readonly #base: string;

  constructor(httpPort: number) {
    this.#base = `http://127.0.0.1:${httpPort}/api/v1`;
  }

  /** The endpoint as it stands; undefined where it is unknown. */
  async endpoint(name: string): Promise<RegisteredView | undefined> {
    const response = await fetch(this.#urlOf(name));
    if (response.status === 404) return undefined;
    return registeredView.parse(await json('GET endpoint', response, 200));
  }

  /** Gives a command and waits for the device's answer. */
  async command(endpoint: string, command: CommandRequest): Promise<CommandResponse> {
    const url = `${this.#urlOf(endpoint)}/commands?wait=${WAIT_S}`;
    const what = `${command.op} ${command.path ?? command.paths?.join(' ') ?? ''}`;
    const status = commandStatus.parse(await json(what, await send(url, 'POST', command), 200));
    if (status.response === undefined) throw new Error(`${what}: no answer of the device, ${JSON.stringify(status)}`);
    return status.response;
  }

  /** Gives a command without waiting. */
  async submit(endpoint: string, command: CommandRequest): Promise<CommandStatus> {
    const response = await send(`${this.#urlOf(endpoint)}/commands`, 'POST', command);
    return commandStatus.parse(await json(command.op, response, 202));
  }

  /** How a command stands. */
  async commandStatus(endpoint: string, id: string): Promise<CommandStatus> {
    const response = await fetch(`${this.#urlOf(endpoint)}/commands/${encodeURIComponent(id)}`);
    return commandStatus.parse(await json('GET command', response, 200));
  }

  /** Replaces what should be observed. */
  async observe(endpoint: string, observations: readonly DesiredObservation[]): Promise<ObservationView[]> {
    const response = await send(`${this.#urlOf(endpoint)}/observations`, 'PUT', observations);
    return observationView.array().parse(await json('PUT observations', response, 200));
  }

  /** What should be observed at an endpoint, and how far that is. */
  async observations(endpoint: string): Promise<ObservationView[]> {
    return observationView.array().parse(await json('GET observations', await fetch(`${this.#urlOf(endpoint)}/observations`), 200));
  }

  /** Sets what should be observed at every device that matches. */
  async putTemplate(name: string, template: ObservationTemplate): Promise<void> {
    await json('PUT template', await send(`${this.#base}/observation-templates/${name}`, 'PUT', template), 200);
  }

  /** Replaces how the endpoint is served. */
  async setSettings(endpoint: string, settings: DeviceSettings): Promise<void> {
    await json('PUT settings', await send(`${this.#urlOf(endpoint)}/settings`, 'PUT', settings), 200);
  }

  /** Last known values. */
  async values(endpoint: string): Promise<LastValue[]> {
    return lastValue.array().parse(await json('GET values', await fetch(`${this.#urlOf(endpoint)}/values`), 200));
  }

  /** The operator drops the registration: the device's next Update gets 4.04. */
  async dropRegistration(endpoint: string): Promise<void> {
    const response = await send(`${this.#urlOf(endpoint)}/registration`, 'DELETE');
    if (response.status !== 204) throw new RestRefused('DELETE registration', response.status, await response.text());
  }

  async setCredentials(endpoint: string, credentials: object): Promise<void> {
    await json('PUT credentials', await send(`${this.#urlOf(endpoint)}/credentials`, 'PUT', credentials), 200);
  }

  /** Revokes every credential of the endpoint. */
  async revoke(endpoint: string): Promise<void> {
    const response = await send(`${this.#urlOf(endpoint)}/credentials`, 'DELETE');
    if (response.status !== 204) throw new RestRefused('DELETE credentials', response.status, await response.text());
  }

  async setLabels(endpoint: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await json('PUT labels', await send(`${this.#urlOf(endpoint)}/labels`, 'PUT', labels), 200);
  }

  /** Any further address of the API. */
  async get(path: string): Promise<unknown> {
    return json(`GET ${path}`, await fetch(`${this.#base}${path}`), 200);
  }

  async put(path: string, body: unknown): Promise<unknown> {
    return json(`PUT ${path}`, await send(`${this.#base}${path}`, 'PUT', body), 200);
  }

  async delete(path: string): Promise<void> {
    const response = await send(`${this.#base}${path}`, 'DELETE');
    if (response.status !== 204) throw new RestRefused(`DELETE ${path}`, response.status, await response.text());
  }

  async post(path: string, body: unknown, expected: number): Promise<unknown> {
    return json(`POST ${path}`, await send(`${this.#base}${path}`, 'POST', body), expected);
  }

  #urlOf(endpoint: string): string {
    return `${this.#base}/endpoints/${encodeURIComponent(endpoint)}`;
  }
}

function send(url: string, method: string, body?: unknown): Promise<Response> {
  const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  return fetch(url, { method, ...content });
}

async function json(what: string, response: Response, expected: number): Promise<unknown> {
  const text = await response.text();
  if (response.status !== expected) throw new RestRefused(what, response.status, text);
  return JSON.parse(text);
}
