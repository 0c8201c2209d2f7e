/** Helpers for the tests of operations: devices, and requests as one line of text. */
import { decodeUtf8, toHex } from '@cluster/bytes';
import { Code, OptionNumber, uintOption } from '@cluster/coap';
import type { Lwm2mVersion } from '../src/model/core-versions.ts';
import { ddfDirectory } from '../src/model/ddf-directory.ts';
import { ObjectModel } from '../src/model/object-model.ts';
import type { DeviceContext } from '../src/operations/device-context.ts';
import type { RequestPlan } from '../src/operations/plan-request.ts';

const model = new ObjectModel(ddfDirectory());

/** A device with the registry's objects. */
export function device(lwm2mVersion: Lwm2mVersion, contentFormats: readonly number[] = [], rootPath = '/', announced: [number, string][] = []): DeviceContext {
  return { rootPath, lwm2mVersion, contentFormats, lookup: model.lookup(new Map(announced), lwm2mVersion) };
}

/** `PUT /1/0/1 Observe=0 ?pmin=1 CF=0 Accept=112 3630`, in the order in which the options stand. */
export function line({ code, options, payload }: RequestPlan): string {
  const path = options.filter(({ number }) => number === OptionNumber.URI_PATH).map(({ value }) => `/${decodeUtf8(value)}`).join('');
  const others = options.flatMap(({ number, value }) => {
    if (number === OptionNumber.URI_PATH) return [];
    if (number === OptionNumber.URI_QUERY) return [`?${decodeUtf8(value)}`];
    return [`${NAMES[number] ?? number}=${uintOption({ options: [{ number, value }] }, number)}`];
  });
  return [METHODS[code], path || '/', ...others, ...(payload ? [toHex(payload) || 'empty'] : [])].join(' ');
}

const METHODS: Readonly<Record<number, string>> = {
  [Code.GET]: 'GET', [Code.POST]: 'POST', [Code.PUT]: 'PUT', [Code.DELETE]: 'DELETE', [Code.FETCH]: 'FETCH', [Code.IPATCH]: 'iPATCH',
};
const NAMES: Readonly<Record<number, string>> = {
  [OptionNumber.OBSERVE]: 'Observe', [OptionNumber.CONTENT_FORMAT]: 'CF', [OptionNumber.ACCEPT]: 'Accept',
};
