/** A process that commits without end and says what was acknowledged, to be killed at any moment by a test. */
import { openEmbeddedStore } from '../index.ts';

const file = process.argv[2];
if (file === undefined) throw new RangeError('usage: writer.ts FILE');
const store = openEmbeddedStore({ file });

for (let version = 0; ; version++) {
  const record = Uint8Array.of(version & 0xff);
  const numbers = ['writer_0', 'writer_1', 'writer_2'];
  const [results] = await Promise.all([
    store.commit(numbers.map((number) => ({ number, session: { expected: version, record } }))),
    store.schedule([{ number: `w${version}`, atMs: version }]),
    store.putValues([{ endpoint: 'writer', values: [{ path: '/1', atMs: version, json: String(version) }] }], 10),
  ]);
  if (results.some((result) => result !== 'committed')) throw new Error('a lone writer met a conflict');
  process.stdout.write(`${version + 1}\n`);
}
