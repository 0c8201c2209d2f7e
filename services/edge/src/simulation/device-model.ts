/** What a simulated device does when it is asked: reads, writes, executes, observes; and a record of all of it. */
import {
  Code, contentFormat, OptionNumber, observeValue, textOptions, uintValue, uriPath, type CoapMessage, type CoapResponse,
} from '@cluster/coap';

const SENML_JSON = 110;
const LINK_FORMAT = 40;
/** Commands that must not be carried out twice carry a tag, by which the device's record tells of them. */
const TAG = /tag-\d+/;

export interface Observed {
  readonly token: Uint8Array;
  readonly paths: readonly string[];
}

/** Paths of a composite request: the names of its SenML records. */
function pathsIn(payload: Uint8Array): string[] {
  const records = JSON.parse(new TextDecoder().decode(payload)) as { n?: string; bn?: string }[];
  let base = '';
  return records.map(({ n = '', bn }) => (base = bn ?? base) + n);
}

export class DeviceModel {
  /** Tags of the commands that were carried out, in order, over all lives of the device. */
  readonly carriedOut: string[] = [];
  /** By token, as text. Lost with a reboot. */
  readonly observations = new Map<string, Observed>();
  /** The last value reported; each is told once. */
  #value = 0;

  forget(): void {
    this.observations.clear();
  }

  nextValue(): number {
    return ++this.#value;
  }

  answer(request: CoapMessage): CoapResponse {
    const tag = TAG.exec([...textOptions(request, OptionNumber.URI_QUERY), new TextDecoder().decode(request.payload)].join(' '))?.[0];
    if (tag !== undefined) this.carriedOut.push(tag);
    const composite = request.code === Code.FETCH;
    if (request.code === Code.GET || composite) return this.#read(request, composite ? pathsIn(request.payload) : [`/${uriPath(request).join('/')}`]);
    if (request.code === Code.DELETE) return { code: Code.DELETED };
    const creates = request.code === Code.POST && uriPath(request).length === 1;
    if (creates) return { code: Code.CREATED, options: ['3303', '7'].map((segment) => text(OptionNumber.LOCATION_PATH, segment)) };
    return { code: Code.CHANGED };
  }

  /** The payload of a report of `paths`, in which each has the value. */
  report(paths: readonly string[], value: number): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(paths.map((n) => ({ n, v: value }))));
  }

  #read(request: CoapMessage, paths: readonly string[]): CoapResponse {
    if (contentFormatAccepted(request) === LINK_FORMAT) {
      const payload = new TextEncoder().encode('</3303>,</3303/0>');
      return { code: Code.CONTENT, options: [{ number: OptionNumber.CONTENT_FORMAT, value: uintValue(LINK_FORMAT) }], payload };
    }
    const observe = this.#observe(request, paths);
    const options = [...observe, { number: OptionNumber.CONTENT_FORMAT, value: uintValue(SENML_JSON) }];
    return { code: Code.CONTENT, options, payload: this.report(paths, this.nextValue()) };
  }

  #observe(request: CoapMessage, paths: readonly string[]) {
    const asked = observeValue(request);
    const key = tokenText(request.token);
    if (asked === 1) {
      // RFC 7641 §3.6: the observation of this token; one of the same target under another is another's.
      this.observations.delete(key);
      return [];
    }
    if (asked !== 0) return [];
    for (const [other, { paths: same }] of this.observations) if (same.join() === paths.join()) this.observations.delete(other);
    this.observations.set(key, { token: request.token.slice(), paths });
    return [{ number: OptionNumber.OBSERVE, value: uintValue(this.#value & 0xff_ffff) }];
  }
}

export function tokenText(token: Uint8Array): string {
  return Buffer.from(token).toString('hex');
}

export function text(number: number, value: string) {
  return { number, value: new TextEncoder().encode(value) };
}

function contentFormatAccepted(request: CoapMessage): number | undefined {
  const accept = request.options.find(({ number }) => number === OptionNumber.ACCEPT)?.value;
  return accept === undefined ? contentFormat(request) : accept.reduce((sum, byte) => sum * 256 + byte, 0);
}
