/**
 * The registration interface and Send on CoAP over UDP, request by request (OMA Transport 1.1.1 §6.4.3, §6.4.5, §6.7). The
 * names begin with the rows of the conformance checklist: B is the binding, X a contradiction between its documents.
 */
import { Code, encodeBlock, OptionNumber, type CoapOption } from '@cluster/coap';
import { eventTypes } from '@cluster/contracts';
import { SimulatedDevice } from '@cluster/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawPeer, type Answer, type RawRequest } from '../src/raw-peer.ts';
import { Scene } from '../src/scene.ts';

const LIST = '</>;rt="oma.lwm2m";ct="112",</1/0>,</3/0>';
const LINK_FORMAT = 40;
const SENML_JSON = 110;

const scene = new Scene();
const strict = new Scene();
let peer: RawPeer;
let messageId = 0x100;

beforeAll(async () => {
  await scene.open({});
  await strict.open({ env: { LWM2M_UNKNOWN_PARAMETERS: 'reject', LWM2M_NOSEC_REBIND: 'refuse' } });
  peer = await RawPeer.open();
});
afterAll(async () => {
  peer?.close();
  await strict.close();
  await scene.close();
});

type Request = Partial<RawRequest> & { readonly path: readonly string[] };

function post(request: Request, to: Scene = scene): Promise<Answer> {
  messageId += 1;
  return peer.request(to.server.coapPort, { code: Code.POST, messageId, ...request });
}

function register(query: string, payload = LIST, to: Scene = scene): Promise<Answer> {
  return post({ path: ['rd'], query: query === '' ? [] : query.split('&'), payload, contentFormat: LINK_FORMAT }, to);
}

/** Registers and gives the segments of the location. */
async function locationOf(endpoint: string, payload = LIST): Promise<string[]> {
  return segmentsOf(await register(`ep=${endpoint}&lt=60&lwm2m=1.1&b=U`, payload));
}

function segmentsOf(answer: Answer): string[] {
  expect(answer?.code).toBe('2.01');
  const options: readonly CoapOption[] = answer?.message.options ?? [];
  return options.filter(({ number }) => number === OptionNumber.LOCATION_PATH).map(({ value }) => Buffer.from(value).toString());
}

describe('B74 Register', () => {
  it.each([
    ['ep=n1&lt=60&lwm2m=1.1&b=U', '2.01'],
    ['ep=n2&lt=60&lwm2m=1.1&b=U&Q&sms=123', '2.01'],
    ['lt=60&lwm2m=1.1', '4.00'],
    ['ep=n3&lwm2m=1.1', '4.00'],
    ['ep=n4&lt=x&lwm2m=1.1', '4.00'],
    ['ep=n5&lt=60&lwm2m=1.1&b=X', '4.00'],
    ['ep=n6&lt=60&lwm2m=9.9', '4.12'],
    ['', '4.00'],
  ])('%j: %s', async (query, code) => {
    expect((await register(query))?.code).toBe(code);
  });

  it.each([
    ['X4 blanks between links and parameters', '</>;rt="oma.lwm2m" ; ct=112 , </1/0> , </3/0>', '2.01'],
    ['no list', '', '4.00'],
    ['a list that is none', '</3/0', '4.00'],
    ['B65 an alternate path with a number for a segment', '</lwm2m/3>;rt="oma.lwm2m",</lwm2m/3/3/0>', '4.00'],
  ])('%s: %s is %s', async (_why, payload, code) => {
    expect((await register('ep=list&lt=60&lwm2m=1.1&b=U', payload))?.code).toBe(code);
  });

  it('B119 a list that is empty is 4.09 to a client of 1.2', async () => {
    expect((await register('ep=empty&lt=60&lwm2m=1.2&b=U', ''))?.code).toBe('4.09');
    expect((await register('ep=empty&lt=60&lwm2m=1.2&b=U'))?.code).toBe('2.01');
  });

  it('a list in another format is 4.15', async () => {
    const request = { path: ['rd'], query: ['ep=format', 'lt=60', 'lwm2m=1.1'], payload: '[]', contentFormat: SENML_JSON };
    expect((await post(request))?.code).toBe('4.15');
  });

  it('B75 the location is rd and one segment', async () => {
    expect(await locationOf('location')).toEqual(['rd', expect.stringMatching(/^[\w-]{16}$/)]);
  });

  it('B76 a new Register replaces the former one', async () => {
    const first = await locationOf('again');
    const second = await locationOf('again');
    expect(second).not.toEqual(first);
    expect((await post({ path: first }))?.code).toBe('4.04');
    expect((await post({ path: second }))?.code).toBe('2.04');
  });

  it('B81 a number of SMS with "+" goes without', async () => {
    await register('ep=sms&lt=60&lwm2m=1.1&b=U&sms=+49170');
    expect(await scene.rest.endpoint('sms')).toMatchObject({ smsNumber: '49170' });
  });

  it('B82 the repeat of a Register gets the same location', async () => {
    const request: RawRequest = {
      code: Code.POST, path: ['rd'], query: ['ep=repeat', 'lt=60', 'lwm2m=1.1', 'b=U'], payload: LIST, contentFormat: LINK_FORMAT, messageId: 0x77,
    };
    const first = segmentsOf(await peer.request(scene.server.coapPort, request));
    expect(segmentsOf(await peer.request(scene.server.coapPort, request))).toEqual(first);
    await scene.heard('repeat', eventTypes.registered);
    expect(scene.told('repeat', eventTypes.registered)).toHaveLength(1);
  });

  it('B111, X7 unknown parameters are kept, or refused where the operator wants that', async () => {
    expect((await register('ep=extra&lt=60&lwm2m=1.1&b=U&vendor=x'))?.code).toBe('2.01');
    expect(await scene.rest.endpoint('extra')).toMatchObject({ attributes: { vendor: 'x' } });
    expect((await register('ep=extra&lt=60&lwm2m=1.1&b=U&vendor=x', LIST, strict))?.code).toBe('4.00');
  });

  it('B54, B60 uploads of different Request-Tags are two bodies', async () => {
    const links = (id: number): string => `${LIST},${Array.from({ length: 10 }, (_, i) => `</3303/${id + i}>`).join(',')}`;
    const upload = (name: string, tag: number, payload: string) => (number: number): Promise<Answer> => post({
      path: ['rd'], query: [`ep=${name}`, 'lt=60', 'lwm2m=1.1', 'b=U'], contentFormat: LINK_FORMAT,
      payload: payload.slice(number * 64, (number + 1) * 64),
      options: [
        encodeBlock(OptionNumber.BLOCK1, { num: number, more: (number + 1) * 64 < payload.length, szx: 2 }),
        { number: OptionNumber.REQUEST_TAG, value: Uint8Array.of(tag) },
      ],
    });
    const bodies = [links(100), links(200)];
    const uploads = bodies.map((body, tag) => upload(`tag-${tag}`, tag, body));
    for (const block of [0, 1]) for (const send of uploads) expect((await send(block))?.code).toBe('2.31');
    for (const send of uploads) expect((await send(2))?.code).toBe('2.01');
    const paths = async (tag: number) => (await scene.rest.endpoint(`tag-${tag}`))?.objectLinks.map(({ path }) => path);
    expect(await paths(0)).toContain('/3303/109');
    expect(await paths(1)).toContain('/3303/209');
  });
});

describe('Update and De-register', () => {
  it('B79 an Update changes what it names', async () => {
    const path = await locationOf('update');
    expect((await post({ path, query: ['lt=120'] }))?.code).toBe('2.04');
    expect(await scene.rest.endpoint('update')).toMatchObject({ lifetimeS: 120, binding: 'U', objectLinks: [{ path: '/1/0' }, { path: '/3/0' }] });
    expect((await post({ path, payload: '</1/0>,</3/0>,</5/0>', contentFormat: LINK_FORMAT }))?.code).toBe('2.04');
    expect(await scene.rest.endpoint('update')).toMatchObject({ lifetimeS: 120, objectLinks: [{ path: '/1/0' }, { path: '/3/0' }, { path: '/5/0' }] });
    expect((await post({ path, query: ['b=US', 'Q', 'sms=49170'] }))?.code).toBe('2.04');
    expect(await scene.rest.endpoint('update')).toMatchObject({ lifetimeS: 120, binding: 'US', queueMode: true, smsNumber: '49170' });
    expect((await post({ path, query: ['lt=90'] }))?.code).toBe('2.04');
    expect(await scene.rest.endpoint('update')).toMatchObject({ lifetimeS: 90, binding: 'US', queueMode: true, smsNumber: '49170' });
    expect((await post({ path, query: ['lt=x'] }))?.code).toBe('4.00');
    expect(await scene.rest.endpoint('update')).toMatchObject({ lifetimeS: 90 });
  });

  it.each([['an unknown place', ['rd', 'AAAAAAAABBBBBBBB']], ['no place', ['rd', 'x']]])('B79, B80 %s is 4.04', async (_why, path) => {
    expect((await post({ path }))?.code).toBe('4.04');
    expect((await post({ path, code: Code.DELETE }))?.code).toBe('4.04');
  });

  it('B80 a De-register ends it', async () => {
    const path = await locationOf('gone');
    expect((await post({ path, code: Code.DELETE }))?.code).toBe('2.02');
    await scene.heard('gone', eventTypes.deregistered);
    expect((await scene.rest.endpoint('gone'))?.state).not.toBe('registered');
    expect((await post({ path }))?.code).toBe('4.04');
  });

  it('B77 an Update without security from a new address is taken, or refused where the operator wants that', async () => {
    for (const [to, code] of [[scene, '2.04'], [strict, '4.04']] as const) {
      const server = `coap://127.0.0.1:${to.server.coapPort}`;
      const device = new SimulatedDevice({ endpoint: 'moving', server, automatic: false });
      await device.start();
      await device.rebind();
      expect(await device.update()).toBe(code);
      device.kill();
    }
  });
});

describe('B101 Send', () => {
  const values = '[{"n":"/3/0/9","v":90}]';
  beforeAll(async () => void (await locationOf('sender')));

  it.each([
    ['values', values, SENML_JSON, '2.04'],
    ['no format', values, undefined, '4.00'],
    ['another format', values, 0, '4.15'],
    ['a malformed payload', '[{"n":', SENML_JSON, '4.00'],
    ['an object that is not registered', '[{"n":"/3303/0/5700","v":1}]', SENML_JSON, '4.04'],
  ])('%s: %s in %s is %s', async (_why, payload, contentFormat, code) => {
    const format = contentFormat === undefined ? {} : { contentFormat };
    expect((await post({ path: ['dp'], payload, ...format }))?.code).toBe(code);
  });

  it('is told with its path and value', async () => {
    const { data } = await scene.heard('sender', eventTypes.send);
    expect(data).toMatchObject({ contentFormat: SENML_JSON, values: [{ path: '/3/0/9', value: 90 }] });
  });
});
