/** Test cases with the portfolio, with composite operations and in SenML, 228 to 281 (OMA LwM2M Core 1.1 §6.3.8, §6.3.9). */
import { eventTypes } from '@cluster/contracts';
import { expect } from 'vitest';
import { leshan, simulator, simulatorOnly } from '../src/players.ts';
import { describeCases, shared, testCase } from '../src/test-case.ts';
import { byPath, type Trial, type Values } from '../src/trial.ts';

const JSON_FORMAT = 110;
const CBOR_FORMAT = 112;
const FORMATS = [JSON_FORMAT, CBOR_FORMAT];
const IDENTITIES = { '/16/0/0/0': 'Host Device ID', '/16/0/0/1': 'Host Device Manufacturer' };

/** "int-257" of the specification: /1/0/2 = 101, /1/0/6 = true, /3/0/13 = 0. */
const SERVER_AND_DEVICE = Buffer.from('83a321612f0065312f302f32021865a20065312f302f3604f5a20066332f302f31330200', 'hex').toString('base64');

describeCases('Composite operations and SenML', (group) => {
  const device = shared(simulator());
  const anyone = [shared(leshan({ allObjects: true })), device];
  const overlapping = simulatorOnly('Leshan refuses paths that lie within each other', device);

  testCase(group, { id: 'int-228', title: 'Write on Resource Instance' }, anyone, async (trial) => {
    await havePortfolio(trial);
    await trial.write('/16/0/0/1', 'test');
    expect(await trial.read('/16/0/0/1')).toEqual({ '/16/0/0/1': 'test' });
    expect(await trial.read('/16/0/0')).toMatchObject({ '/16/0/0/0': 'Host Device ID' });
  });

  testCase(group, { id: 'int-229', title: 'Read-Composite Operation' }, overlapping, async (trial) => {
    for (const format of FORMATS) {
      const values = await readComposite(trial, ['/3', '/1/0', '/1/0/1', '/3/0/11/0'], format);
      expect(values).toMatchObject({ '/3/0/0': expect.any(String), '/1/0/7': 'U', '/1/0/1': 300, '/3/0/11/0': 0 });
    }
  });

  testCase(group, { id: 'int-230', title: 'Write-Composite Operation' }, anyone, async (trial) => {
    await havePortfolio(trial);
    for (const [index, contentFormat] of FORMATS.entries()) {
      const identities = [0, 1, 2, 3].map((id) => ({ path: `/16/0/0/${id}`, value: `Host ${id} ${contentFormat}` }));
      const values = [{ path: '/1/0/1', value: 61 + index }, { path: '/1/0/6', value: true }, ...identities];
      await trial.succeeds('2.04', { op: 'write-composite', values, contentFormat });
      await updatedTo(trial, 61 + index);
      expect(await trial.read('/1/0')).toMatchObject({ '/1/0/1': 61 + index, '/1/0/6': true });
      expect(await trial.read('/16/0/0')).toEqual(Object.fromEntries(identities.map(({ path, value }) => [path, value])));
    }
    await trial.write('/1/0/1', 300);
    await updatedTo(trial, 300);
  });

  const queries = [
    { id: 'int-231', title: 'Querying basic information in SenML JSON format', format: JSON_FORMAT },
    { id: 'int-232', title: 'Querying basic information in SenML CBOR format', format: CBOR_FORMAT },
  ];
  for (const { id, title, format } of queries) {
    testCase(group, { id, title }, anyone, async (trial) => {
      expect(await trial.read('/1', format)).toMatchObject({ '/1/0/0': 123, '/1/0/7': 'U' });
      expect(await trial.read('/3/0', format)).toMatchObject({ '/3/0/7/0': 3_800, '/3/0/11/0': 0, '/3/0/16': 'U' });
      expect(await trial.read('/3/0/16', format)).toEqual({ '/3/0/16': 'U' });
      expect(await trial.read('/3/0/11/0', format)).toEqual({ '/3/0/11/0': 0 });
    });
  }

  const settings = [
    { id: 'int-233', title: 'Setting basic information in SenML CBOR format', contentFormat: CBOR_FORMAT, lifetimeS: 63 },
    { id: 'int-234', title: 'Setting basic information in SenML JSON format', contentFormat: JSON_FORMAT, lifetimeS: 64 },
  ];
  for (const { id, title, contentFormat, lifetimeS } of settings) {
    testCase(group, { id, title }, anyone, async (trial) => {
      await havePortfolio(trial);
      const values = [{ path: '/1/0/2', value: 101 }, { path: '/1/0/6', value: true }];
      await trial.succeeds('2.04', { op: 'write-partial', path: '/1/0', values, contentFormat });
      expect(await trial.read('/1/0', contentFormat)).toMatchObject({ '/1/0/2': 101, '/1/0/6': true });
      await trial.write('/16/0/0/0', id, contentFormat);
      expect(await trial.read('/16/0/0/0', contentFormat)).toEqual({ '/16/0/0/0': id });
      await trial.write('/1/0/1', lifetimeS, contentFormat);
      await updatedTo(trial, lifetimeS);
      expect(await trial.read('/1/0/1', contentFormat)).toEqual({ '/1/0/1': lifetimeS });
      await trial.write('/1/0/1', 300);
      await updatedTo(trial, 300);
    });
  }

  testCase(group, { id: 'int-235', title: 'Read-Composite Operation on root path' }, anyone, async (trial) => {
    await havePortfolio(trial);
    const long = 'x'.repeat(1_200); // no answer of one block
    await trial.write('/16/0/0/0', long);
    for (const format of FORMATS) {
      const values = await readComposite(trial, ['/'], format);
      expect(values).toMatchObject({ '/1/0/0': 123, '/3/0/16': 'U', '/3303/0/5700': expect.any(Number), '/16/0/0/0': long });
      expect(Object.keys(values).filter((path) => /^\/(0|21|23)\//.test(path))).toEqual([]);
    }
  });

  testCase(group, { id: 'int-236', title: 'Read-Composite Operation with partial presence' }, anyone, async (trial) => {
    for (const format of FORMATS) {
      const values = await readComposite(trial, ['/1/0/1', '/3/0/11/0', '/3339/0/5522', '/3353/0/6030'], format);
      expect(values).toEqual({ '/1/0/1': 300, '/3/0/11/0': 0 });
    }
  });

  testCase(group, { id: 'int-257', title: 'Write-Composite Operation on Server and Device' }, anyone, async (trial) => {
    const before = { ...(await trial.read('/1/0')), ...(await trial.read('/3/0')) };
    await trial.succeeds('2.04', { op: 'write-composite', payloadBase64: SERVER_AND_DEVICE, contentFormat: CBOR_FORMAT });
    const after = { ...(await trial.read('/1/0')), ...(await trial.read('/3/0')) };
    expect(after).toEqual({ ...before, '/1/0/2': 101, '/1/0/6': true, '/3/0/13': 0 });
  });

  testCase(group, { id: 'int-280', title: 'Successful Read-Composite Operation' }, anyone, async (trial) => {
    for (const format of FORMATS) {
      const values = await readComposite(trial, ['/3/0/16', '/3/0/11/0', '/1/0'], format);
      expect(values).toMatchObject({ '/3/0/16': 'U', '/3/0/11/0': 0, '/1/0/0': 123, '/1/0/1': 300, '/1/0/7': 'U' });
      expect(Object.keys(values).filter((path) => path.startsWith('/3/'))).toHaveLength(2);
    }
  });

  testCase(group, { id: 'int-281', title: 'Partially Successful Read-Composite Operation' }, anyone, async (trial) => {
    for (const format of FORMATS) {
      const values = await readComposite(trial, ['/1/0/1', '/1/0/7', '/1/0/8'], format);
      expect(values).toEqual({ '/1/0/1': 300, '/1/0/7': 'U' });
    }
  });
});

async function readComposite(trial: Trial, paths: readonly string[], accept: number): Promise<Values> {
  const response = await trial.succeeds('2.05', { op: 'read-composite', paths: [...paths], accept });
  expect(response.contentFormat).toBe(accept);
  return byPath(response);
}

/** An instance of the portfolio with two identities, made where the client has none. */
async function havePortfolio(trial: Trial): Promise<void> {
  const values = Object.entries(IDENTITIES).map(([path, value]) => ({ path, value }));
  const { code } = await trial.command({ op: 'read', path: '/16/0' });
  if (code === '2.05') await trial.succeeds('2.04', { op: 'write', path: '/16/0/0', values });
  else await trial.succeeds('2.01', { op: 'create', path: '/16', values });
}

async function updatedTo(trial: Trial, lifetimeS: number): Promise<void> {
  await trial.heard(eventTypes.updated, ({ data }) => (data as { lifetimeS: number }).lifetimeS === lifetimeS);
}
