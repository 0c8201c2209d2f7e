import { decodeUtf8, encodeUtf8 } from '@cluster/bytes';
import { Code, type CoapOption, formatCode, OptionNumber } from '@cluster/coap';
import { type BootstrapCommand, ContentFormat, ObjectModel } from '@cluster/lwm2m';
import { ddfDirectory } from '@cluster/lwm2m/ddf-directory';
import { describe, expect, it } from 'vitest';
import type { Provision } from './bootstrap-desk.ts';
import { type BootstrapAnswer, BootstrapSession, type BootstrapSessionOptions } from './bootstrap-session.ts';

const model = new ObjectModel(ddfDirectory());
const KEY = encodeUtf8('a key of sixteen');

const PROVISION: Provision = {
  configuration: 'default',
  revision: 3,
  writes: [
    {
      path: '/0/1',
      resources: [
        { id: 0, type: 'string', value: 'coaps://server.example.com' }, { id: 1, type: 'boolean', value: false }, { id: 2, type: 'integer', value: 0 },
        { id: 3, type: 'opaque', value: encodeUtf8('device') }, { id: 4, type: 'opaque', value: new Uint8Array() },
        { id: 5, type: 'opaque', value: KEY }, { id: 10, type: 'integer', value: 7 },
      ],
    },
    { path: '/1/0', resources: [{ id: 0, type: 'integer', value: 7 }, { id: 1, type: 'integer', value: 300 }, { id: 6, type: 'boolean', value: true }, { id: 7, type: 'string', value: 'U' }] },
  ],
  deletes: 'all-but-bootstrap',
  keep: [],
  discoverFirst: true,
  readBack: [],
};
const DISCOVERED = '</>;lwm2m=1.1,</0/0>,</0/2>;ssid=9;uri="coaps://old.example.com",</1>;ver=1.1,</1/5>;ssid=9,</3/0>,</4/0>';
const link = (text: string): BootstrapAnswer => ({ code: Code.CONTENT, contentFormat: ContentFormat.LINK, payload: encodeUtf8(text) });
const code = (value: number): BootstrapAnswer => ({ code: value, payload: new Uint8Array() });

/** A client that answers by operation, unless `answers` says otherwise; undefined: not at all. */
function play(change: Partial<Provision> = {}, answers: (command: BootstrapCommand, count: number) => BootstrapAnswer | 'silence' | 'reset' | undefined = () => undefined, options: Partial<BootstrapSessionOptions> = {}) {
  const session = new BootstrapSession({
    head: { id: 's1', endpoint: 'device', address: 'udp:127.0.0.1:5' }, provision: { ...PROVISION, ...change }, model, startedAtMs: 0, ...options,
  });
  const sent: BootstrapCommand[] = [];
  let nowMs = 0;
  for (let step = session.next(nowMs); step.kind === 'request'; step = session.next(nowMs)) {
    const { command } = step;
    sent.push(command);
    nowMs += 100;
    const answer = answers(command, sent.length) ?? usual(command);
    if (answer === 'silence' || answer === 'reset') session.failed(answer === 'silence' ? 'timeout' : 'reset', true, nowMs);
    else session.answered(answer, nowMs);
  }
  return { session, sent, view: session.record.view, said: sent.map(({ operation, path }) => `${operation} ${path}`) };
}

function usual({ operation }: BootstrapCommand): BootstrapAnswer {
  switch (operation) {
    case 'discover':
      return link(DISCOVERED);
    case 'delete':
      return code(Code.DELETED);
    case 'read':
      return { code: Code.CONTENT, contentFormat: ContentFormat.TLV, payload: Uint8Array.of(0x08, 0x00, 0x03, 0xc1, 0x00, 0x07) };
    default:
      return code(Code.CHANGED);
  }
}

const option = (options: readonly CoapOption[], number: number) => options.filter((each) => each.number === number).map(({ value }) => value);

describe('a session', () => {
  it('discovers, deletes, writes each instance and finishes, one command at a time (rows B66, B68, B71)', () => {
    const { said, view, sent } = play();
    expect(said).toEqual(['discover /', 'delete /', 'write /0/1', 'write /1/0', 'finish /bs']);
    expect(view).toMatchObject({ outcome: 'finished', lwm2mVersion: '1.1', startedAt: '1970-01-01T00:00:00.000Z', endedAt: '1970-01-01T00:00:00.500Z' });
    expect(sent.map((each) => formatCode(each.code))).toEqual(['0.01', '0.04', '0.03', '0.03', '0.02']);
    expect(option(sent[2]!.options, OptionNumber.URI_PATH).map(decodeUtf8)).toEqual(['0', '1']);
    expect(option(sent[4]!.options, OptionNumber.URI_PATH).map(decodeUtf8)).toEqual(['bs']);
  });

  it('writes in the format that the client asked for, else as its enabler has it (row B72)', () => {
    const formats = (version: string, preferredFormat?: number) => {
      const { sent } = play({}, ({ operation }) => (operation === 'discover' ? link(`lwm2m="${version}",</0/0>`) : undefined), { preferredFormat });
      return sent.find(({ operation }) => operation === 'write')!.contentFormat;
    };
    expect(formats('1.0')).toBe(ContentFormat.TLV);
    expect(formats('1.1')).toBe(ContentFormat.TLV);
    expect(formats('1.2')).toBe(ContentFormat.SENML_CBOR);
    expect(formats('1.1', ContentFormat.SENML_JSON)).toBe(ContentFormat.SENML_JSON);
  });

  it('tries the next format when one is refused with 4.15, and keeps to it', () => {
    const { sent, view } = play({}, ({ contentFormat }) => (contentFormat === ContentFormat.TLV ? code(Code.UNSUPPORTED_CONTENT_FORMAT) : undefined));
    expect(sent.filter(({ operation }) => operation === 'write').map(({ path, contentFormat }) => [path, contentFormat])).toEqual([
      ['/0/1', ContentFormat.TLV], ['/0/1', ContentFormat.SENML_CBOR], ['/1/0', ContentFormat.SENML_CBOR],
    ]);
    expect(view.outcome).toBe('finished');
  });

  it('reads back what it is told to and shows it, and what Discover shows then (rows B69, B70, X1)', () => {
    const { said, view } = play({ readBack: ['/1'] });
    expect(said).toEqual(['discover /', 'delete /', 'write /0/1', 'write /1/0', 'read /1', 'discover /', 'finish /bs']);
    expect(view.steps.find(({ operation }) => operation === 'read')).toMatchObject({ code: '2.05', values: [{ path: '/1/0/0', value: 7 }] });
    expect(view.steps[0]!.instances).toContain('/0/2 ssid=9 uri=coaps://old.example.com');
  });
});

describe('the bootstrap account', () => {
  it('is not written over: what should stand there goes to a free instance, with the links to it', () => {
    const oscore = { path: '/21/0', resources: [{ id: 0, type: 'opaque', value: KEY }] } as const;
    const security = { path: '/0/1', resources: [{ id: 1, type: 'boolean', value: false }, { id: 17, type: 'objlnk', value: { object: 21, instance: 0 } }] } as const;
    const shown = link('</>;lwm2m=1.1,</0/1>,</21/0>');
    const { sent, said } = play({ writes: [security, oscore] }, ({ operation }) => (operation === 'discover' ? shown : undefined), { preferredFormat: ContentFormat.SENML_JSON });
    expect(said).toContain('write /0/0');
    expect(said).toContain('write /21/1');
    expect(JSON.stringify(JSON.parse(decodeUtf8(sent[2]!.payload!)))).toContain('21:1');
  });

  it('is written where it is, when the configuration has it', () => {
    const account = { path: '/0/0', resources: [{ id: 1, type: 'boolean', value: true }] } as const;
    const { said } = play({ writes: [account] }, ({ operation }) => (operation === 'discover' ? link('</>;lwm2m=1.1,</0/4>') : undefined));
    expect(said).toContain('write /0/4');
  });

  it('stays, with what the configuration keeps, when all else is deleted one by one', () => {
    const { said } = play({ keep: ['/4'] });
    expect(said.slice(1, 3)).toEqual(['delete /0/2', 'delete /1']);
  });

  it('is spared even where its very instance is listed, and a server goes with all that is its own', () => {
    const { said } = play({ deletes: ['/0/0', '/0/2', '/3/0'] });
    expect(said.filter((each) => each.startsWith('delete'))).toEqual(['delete /0/2', 'delete /1/5']);
  });
});

describe('a client that refuses', () => {
  const refuse = (refused: string, value: number) => play({ readBack: ['/1'] }, ({ operation }) => (operation === refused ? code(value) : undefined));

  it.each([Code.BAD_REQUEST, Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED])('Discover with %i is written to without', (value) => {
    const { said, view } = refuse('discover', value);
    expect(view.outcome).toBe('finished');
    expect(said[1]).toBe('delete /');
  });

  it('Delete on the root gets it on its accounts', () => {
    const { said, view } = play({}, ({ path, operation }) => (operation === 'delete' && path === '/' ? code(Code.METHOD_NOT_ALLOWED) : undefined));
    expect(said.slice(1, 4)).toEqual(['delete /', 'delete /0', 'delete /1']);
    expect(view.outcome).toBe('finished');
  });

  it.each([
    ['delete', Code.BAD_REQUEST, 'delete-refused', '/0: 4.00'], ['write', Code.UNAUTHORIZED, 'write-refused', '/0/1: 4.01'],
    ['write', Code.INTERNAL_SERVER_ERROR, 'write-refused', '/0/1: 5.00'], ['finish', Code.BAD_REQUEST, 'finish-refused', '4.00'],
  ])('%s with %i fails the session, which is finished all the same', (operation, value, reason, detail) => {
    const { said, view } = refuse(operation, value);
    expect(view).toMatchObject({ outcome: 'failed', reason, detail });
    expect(said.at(-1)).toBe('finish /bs');
  });

  it('Delete of what is not there is done with', () => {
    expect(refuse('delete', Code.NOT_FOUND).view.outcome).toBe('finished');
  });

  it('Bootstrap-Read fails nothing (rows B70, X1)', () => {
    expect(refuse('read', Code.METHOD_NOT_ALLOWED).view).toMatchObject({ outcome: 'finished' });
  });

  it('an inconsistent configuration is written once more, and then told (rows B68, F24)', () => {
    const { said, view } = refuse('finish', Code.NOT_ACCEPTABLE);
    expect(said.filter((each) => each === 'finish /bs' || each.startsWith('write'))).toEqual(['write /0/1', 'write /1/0', 'finish /bs', 'write /0/1', 'write /1/0', 'finish /bs']);
    expect(view).toMatchObject({ outcome: 'failed', reason: 'inconsistent' });
    let finishes = 0;
    const repaired = play({}, ({ operation }) => (operation === 'finish' && finishes++ === 0 ? code(Code.NOT_ACCEPTABLE) : undefined));
    expect(repaired.view.outcome).toBe('finished');
  });
});

describe('a client that is gone', () => {
  const steps = ['discover', 'delete', 'write', 'read', 'finish'];
  const ways = [['silence', 'no-answer'], ['reset', 'reset']] as const;

  it.each(steps.flatMap((step) => ways.map(([answer, reason]) => [step, answer, reason] as const)))('at %s by %s ends the session at once', (step, answer, reason) => {
    const { said, view } = play({ readBack: ['/1'] }, ({ operation }) => (operation === step ? answer : undefined));
    expect(said.at(-1)).toMatch(new RegExp(`^${step} `));
    expect(said.filter((each) => each.startsWith(step))).toHaveLength(1);
    expect(view).toMatchObject({ outcome: 'failed', reason, detail: expect.stringContaining(step) });
  });

  it('gets nothing any more when it has given up waiting', () => {
    const session = new BootstrapSession({ head: { id: 's', endpoint: 'e', address: 'a' }, provision: PROVISION, model, startedAtMs: 0 });
    expect(session.next(0)).toMatchObject({ kind: 'request', leftMs: 240_000 });
    session.answered(link(DISCOVERED), 239_000);
    expect(session.next(239_000)).toMatchObject({ kind: 'request', leftMs: 1_000 });
    session.answered(code(Code.DELETED), 241_000);
    expect(session.next(241_000)).toEqual({ kind: 'ended' });
    expect(session.record.view).toMatchObject({ outcome: 'failed', reason: 'too-late' });
  });
});

it('shows no secret', () => {
  const { view } = play();
  const shown = JSON.stringify(view);
  expect(shown).not.toContain(Buffer.from(KEY).toString('base64'));
  expect(view.steps.find(({ path }) => path === '/0/1')!.values).toEqual(expect.arrayContaining([{ path: '/0/1/5', value: '…' }, { path: '/0/1/10', value: 7 }]));
});
