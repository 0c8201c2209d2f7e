/**
 * Prints the µs of CPU that decoding and encoding cost in each content format: an object instance with ten resources, and one
 * resource as a notification brings it. Run with `node -C @cluster/source bench/content.bench.ts`.
 */
import type { Path } from '../src/path.ts';
import type { ResourceValue } from '../src/values.ts';
import { decodeContent, encodeContent } from '../src/content/content.ts';
import { ContentFormat, contentFormatName } from '../src/content/format.ts';
import { model } from '../testing/model.ts';

const WARM_UP = 50_000;
const RUNS = 200_000;

const lookup = model({
  '3/0': 'string', '3/1': 'string', '3/2': 'string', '3/3': 'string', '3/6': 'integer[]', '3/9': 'integer', '3/10': 'integer',
  '3/13': 'time', '3/14': 'string', '3/16': 'string', '3303/5700': 'float',
});

const instance: ResourceValue[] = [
  { path: [3, 0, 0], type: 'string', value: 'Open Mobile Alliance' },
  { path: [3, 0, 1], type: 'string', value: 'Lightweight M2M Client' },
  { path: [3, 0, 2], type: 'string', value: '345000123' },
  { path: [3, 0, 3], type: 'string', value: '1.0' },
  { path: [3, 0, 6, 0], type: 'integer', value: 1 },
  { path: [3, 0, 9], type: 'integer', value: 100 },
  { path: [3, 0, 10], type: 'integer', value: 15 },
  { path: [3, 0, 13], type: 'time', value: 1_367_491_215 },
  { path: [3, 0, 14], type: 'string', value: '+02:00' },
  { path: [3, 0, 16], type: 'string', value: 'U' },
];
const reading: ResourceValue[] = [{ path: [3303, 0, 5700], type: 'float', value: 21.7 }];

const { TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, LWM2M_JSON, LWM2M_CBOR } = ContentFormat;

let sink = 0;

function measure(run: () => number): string {
  for (let count = 0; count < WARM_UP; count++) sink += run();
  const before = process.cpuUsage();
  for (let count = 0; count < RUNS; count++) sink += run();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / RUNS).toFixed(2).padStart(8);
}

function report(cf: number, values: readonly ResourceValue[], base: Path): void {
  const payload = encodeContent(cf, values, base, lookup);
  const decoded = decodeContent(cf, payload, base, lookup);
  if (!decoded.ok || decoded.values.length !== values.length) throw new Error(`${contentFormatName(cf)} does not come back`);
  const decode = measure(() => Number(decodeContent(cf, payload, base, lookup).ok));
  const encode = measure(() => encodeContent(cf, values, base, lookup).length);
  console.log(`${contentFormatName(cf).padEnd(36)} ${String(payload.length).padStart(5)} bytes   decode ${decode} µs   encode ${encode} µs`);
}

console.log('object instance with ten resources');
for (const cf of [TLV, SENML_JSON, SENML_CBOR, LWM2M_JSON, LWM2M_CBOR]) report(cf, instance, [3, 0]);
console.log('one resource');
for (const cf of [TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, LWM2M_JSON, LWM2M_CBOR]) report(cf, reading, [3303, 0, 5700]);
if (sink === 0) throw new Error('nothing was measured');
