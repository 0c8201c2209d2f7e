import type { ObservationTemplate, StoredTemplate } from '@cluster/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeObservation, decodeSession, desire, encodeSession, nextObservationStep, ownObservations, register, TemplateDesk, TemplateSet, toObservation,
  update, withTemplates, type DocumentSet, type NamedTemplate, type SessionRecord, type TemplateSubject,
} from '../index.ts';
import { globMatches } from './glob.ts';

const meter: TemplateSubject = {
  endpoint: 'urn:imei:490154203237518', tenant: 'acme', lwm2mVersion: '1.1', labels: { site: 'north' },
  objectLinks: [{ path: '/1/0' }, { path: '/3/0' }, { path: '/3303', version: '1.1' }, { path: '/3303/7' }, { path: '/3303/2' }, { path: '/5' }],
};

const template = (name: string, rest: Partial<StoredTemplate>): NamedTemplate => ({ name, match: {}, observations: [{ path: '/3/0' }], ...rest });

const wanted = (templates: NamedTemplate[], subject = meter) =>
  new TemplateSet(1, templates).observationsFor(subject).map(({ paths, from }) => `${from} ${paths.join(' ')}`);

describe('glob', () => {
  it.each([
    ['*', '', true], ['*', 'anything', true], ['urn:imei:*', 'urn:imei:1', true], ['urn:imei:*', 'urn:imsi:1', false],
    ['*-meter', 'x-meter', true], ['*-meter', 'x-meter-', false], ['a?c', 'abc', true], ['a?c', 'ac', false], ['', '', true],
    ['', 'a', false], ['a*b*c', 'a-b-b-c', true], ['a*b*c', 'a-c-b', false], ['[ab]', 'a', false], ['[ab]', '[ab]', true],
    ['a.c', 'abc', false], ['**', 'a', true], ['*a', 'aaab', false],
  ])('%j and %j: %j', (pattern, text, fits) => {
    expect(globMatches(pattern, text)).toBe(fits);
  });

  it('means what the same regular expression means', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    fc.assert(
      fc.property(letters, text, (pattern, name) => {
        const regex = new RegExp(`^${pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
        expect(globMatches(pattern, name)).toBe(regex.test(name));
      }),
    );
  });
});

describe('which devices a template applies to', () => {
  it.each([[undefined, true], ['acme', true], ['rival', false]] as const)('that is of tenant %s', (tenant, applies) => {
    const owned = template('a', tenant === undefined ? {} : { tenant });
    expect(new TemplateSet(1, [owned]).observationsFor(meter).length > 0).toBe(applies);
  });

  it.each<[string, ObservationTemplate['match'], boolean]>([
    ['nothing asked', {}, true],
    ['the name', { endpointPattern: 'urn:imei:*' }, true],
    ['another name', { endpointPattern: 'urn:imsi:*' }, false],
    ['an object', { object: '/3303' }, true],
    ['an object without instances', { object: '/5' }, true],
    ['an object that is not there', { object: '/3304' }, false],
    ['an instance', { object: '/3303/7' }, true],
    ['an instance that is not there', { object: '/3303/1' }, false],
    ['the announced version', { object: '/3303', objectVersion: '1.1' }, true],
    ['another version', { object: '/3303', objectVersion: '1.0' }, false],
    ['the version that comes with the enabler', { object: '/3', objectVersion: '1.1' }, true],
    ['labels', { labels: { site: 'north' } }, true],
    ['another value of a label', { labels: { site: 'south' } }, false],
    ['a label that it has not', { labels: { site: 'north', kind: 'x' } }, false],
    ['all of it', { endpointPattern: '*518', object: '/3', labels: { site: 'north' } }, true],
    ['all of it but one', { endpointPattern: '*519', object: '/3', labels: { site: 'north' } }, false],
  ])('%s', (_what, match, applies) => {
    expect(wanted([template('t', { match })])).toEqual(applies ? ['template:t /3/0'] : []);
  });
});

describe('what a template wants', () => {
  it('* is every announced instance, in ascending order', () => {
    expect(wanted([template('t', { observations: [{ path: '/3303/*/5700' }] })])).toEqual(['template:t /3303/2/5700', 'template:t /3303/7/5700']);
    expect(wanted([template('t', { observations: [{ path: '/3303/*' }, { path: '/5/*/3' }, { path: '/9/*/1' }] })])).toEqual(['template:t /3303/2', 'template:t /3303/7']);
  });

  it('leaves out what the device did not announce', () => {
    const observations = [{ path: '/3303/0/5700' }, { path: '/3303/2/5700' }, { path: '/6' }, { path: '/5' }];
    expect(wanted([template('t', { observations })])).toEqual(['template:t /3303/2/5700', 'template:t /5']);
  });

  it('a composite has all paths that are there, and is none without any', () => {
    expect(wanted([template('t', { observations: [{ paths: ['/3303/*/5700', '/3/0/9', '/9/0/1', '/3303/2/5700'] }] })])).toEqual([
      'template:t /3303/2/5700 /3303/7/5700 /3/0/9',
    ]);
    expect(wanted([template('t', { observations: [{ paths: ['/9/*/1'] }] })])).toEqual([]);
  });

  it('the same in two templates: the greater priority decides, and the other fills in attributes', () => {
    const low = template('a-low', { observations: [{ path: '/3/0', accept: 110, attributes: { pmin: 1, pmax: 60 } }, { path: '/1/0' }] });
    const high = template('high', { priority: 5, observations: [{ path: '/3/0', attributes: { pmin: 10 } }] });
    const observations = new TemplateSet(1, [low, high]).observationsFor(meter);
    expect(observations).toMatchObject([
      { paths: ['/3/0'], from: 'template:high', attributes: { pmin: 10, pmax: 60 } },
      { paths: ['/1/0'], from: 'template:a-low' },
    ]);
    expect(observations[0]).not.toHaveProperty('accept');
  });

  it('of equal priorities the first name decides; attributes that contradict the first are left out', () => {
    const a = template('a', { observations: [{ path: '/3303/2/5700', attributes: { gt: 5 } }] });
    const b = template('b', { observations: [{ path: '/3303/2/5700', attributes: { lt: 6, pmin: 1 } }] });
    expect(new TemplateSet(1, [b, a]).observationsFor(meter)).toMatchObject([{ from: 'template:a', attributes: { gt: 5 } }]);
    expect(new TemplateSet(1, [b, a]).observationsFor(meter)[0]?.attributes).toEqual({ gt: 5 });
  });

  it('a document that cannot be read takes no other with it', () => {
    const documents = new Map([['broken', '{'], ['newer', '{"match":{"moon":1},"observations":[]}'], ['good', '{"match":{},"observations":[{"path":"/3/0"}]}']]);
    const set = TemplateSet.read({ version: 3, documents });
    expect(set.unreadable).toEqual(['broken', 'newer']);
    expect(set.observationsFor(meter)).toMatchObject([{ from: 'template:good' }]);
  });
});

const arrival = {
  worker: 'w1', nowMs: 1_000_000, peer: 'udp:127.0.0.1:5001', identity: 'nosec', messageId: 7, maxTransmitWaitMs: 93_000, sequence: 1,
  locationId: 'AAAAAAAABBBBBBBB', code: 0x41,
};
const registration = {
  endpoint: meter.endpoint, lifetimeS: 300, lwm2mVersion: '1.1' as const, binding: 'U', queueMode: false, attributes: {}, rootPath: '/',
  objectLinks: meter.objectLinks, contentFormats: [112],
};
const first = (): SessionRecord => register(undefined, registration, arrival);
const temperature = (attributes?: object) => new TemplateSet(4, [template('t', { observations: [{ path: '/3303/*/5700', ...(attributes && { attributes }) }] })]);

describe('the effective desired state', () => {
  it('is the own list, then what templates want; the own list decides alone about what both have', () => {
    const own = desire(first(), [toObservation({ path: '/3303/2/5700' })]);
    const both = withTemplates(own, temperature({ pmin: 3 }), 10);
    expect(both.observations).toMatchObject([{ paths: ['/3303/2/5700'] }, { paths: ['/3303/7/5700'], from: 'template:t', attributes: { pmin: 3 } }]);
    expect(both.observations[0]).not.toHaveProperty('from');
    expect(both.observations[0]).not.toHaveProperty('attributes');
    expect(decodeSession(encodeSession(both))).toEqual(both);
  });

  it('goes on with tokens where nothing changed, and says so', () => {
    const applied = withTemplates(first(), temperature(), 10);
    const active = changeObservation(applied, 's /3303/2/5700', { state: 'active', counter: 9 });
    const again = withTemplates(active, new TemplateSet(5, temperature().templates), 10);
    expect(again.observations).toBe(active.observations);
    expect(again.templates).toBe(5);
    expect(withTemplates(again, new TemplateSet(5, temperature().templates), 10)).toBe(again);
  });

  it('other attributes: the same token, and those that are gone are unset', () => {
    const applied = withTemplates(first(), temperature({ pmin: 3, gt: 5 }), 10);
    const active = changeObservation(applied, 's /3303/2/5700', { state: 'active', counter: 9, attributesWritten: true });
    const changed = withTemplates(active, temperature({ gt: 6 }), 10);
    expect(changed.observations[0]).toMatchObject({ state: 'wanted', counter: 9, attributes: { gt: 6 }, unset: ['pmin'] });
    expect(nextObservationStep(changed)?.command).toEqual({ op: 'write-attributes', path: '/3303/2/5700', attributes: { pmin: null, gt: 6 } });
    expect(decodeSession(encodeSession(changed))).toEqual(changed);
  });

  it('without the template what it alone wanted is cancelled', () => {
    const applied = withTemplates(first(), temperature(), 10);
    const active = changeObservation(applied, 's /3303/2/5700', { state: 'active', counter: 9 });
    const without = withTemplates(active, new TemplateSet(6, []), 10);
    expect(without.observations).toEqual([]);
    expect(without.cancellations).toMatchObject([{ paths: ['/3303/2/5700'], counter: 9 }]);
  });

  it('an own list takes a template\'s observation over with its token, and gives it back', () => {
    const active = changeObservation(withTemplates(first(), temperature(), 10), 's /3303/2/5700', { state: 'active', counter: 9 });
    const taken = withTemplates(active, temperature(), 10, ownObservations(active, [toObservation({ path: '/3303/2/5700' })]));
    expect(taken.observations[0]).toEqual({ paths: ['/3303/2/5700'], composite: false, state: 'active', counter: 9, attributesWritten: false });
    const back = withTemplates(taken, temperature(), 10, []);
    expect(back.observations[0]).toEqual({ ...taken.observations[0], from: 'template:t' });
    expect(back.cancellations).toEqual([]);
    expect(desire(taken, []).cancellations).toMatchObject([{ counter: 9 }]);
  });

  it('never passes the limit: what is least important is left out', () => {
    const many = new TemplateSet(1, [template('t', { observations: [{ path: '/1/0' }] }), template('u', { priority: 1, observations: [{ path: '/3303/*/5700' }] })]);
    const limited = withTemplates(desire(first(), [toObservation({ path: '/3/0' })]), many, 3);
    expect(limited.observations.map((o) => o.paths[0])).toEqual(['/3/0', '/3303/2/5700', '/3303/7/5700']);
  });

  it('survives a new registration, and what was refused is tried again when its object is announced', () => {
    const applied = withTemplates(first(), temperature(), 10);
    expect(register(applied, registration, arrival).observations).toMatchObject([{ from: 'template:t' }, { from: 'template:t' }]);
    const refused = changeObservation(desire(first(), [toObservation({ path: '/3304/0/5700' })]), 's /3304/0/5700', { state: 'refused', code: 0x84 });
    const same = update(refused, { objectLinks: registration.objectLinks }, { ...arrival, code: 0x44 });
    expect(same.observations[0]?.state).toBe('refused');
    const more = update(refused, { objectLinks: [...registration.objectLinks, { path: '/3304/0' }] }, { ...arrival, code: 0x44 });
    expect(more.observations[0]?.state).toBe('wanted');
  });

  it('attributes of a composite go with its Observe to clients of 1.2, and nowhere else', () => {
    const composite = { paths: ['/3/0/9', '/3303/*/5700'], attributes: { pmin: 5 } };
    const set = new TemplateSet(1, [template('t', { observations: [composite] })]);
    const step = (version: '1.1' | '1.2') =>
      nextObservationStep(withTemplates({ ...first(), registration: { ...registration, lwm2mVersion: version } }, set, 10))?.command;
    expect(step('1.2')).toEqual({ op: 'observe-composite', paths: ['/3/0/9', '/3303/2/5700', '/3303/7/5700'], attributes: { pmin: 5 } });
    expect(step('1.1')).toEqual({ op: 'observe-composite', paths: ['/3/0/9', '/3303/2/5700', '/3303/7/5700'] });
  });
});

describe('templates as operators write them', () => {
  const desk = () => {
    const documents = new Map<string, string>();
    return new TemplateDesk({
      documents: async (): Promise<DocumentSet> => ({ version: documents.size, documents }),
      putDocument: async (_set, name, document) => {
        const known = documents.has(name);
        if (document === undefined) documents.delete(name);
        else documents.set(name, document);
        return known || document !== undefined ? 'stored' : 'unchanged';
      },
    });
  };

  it('are listed, read, replaced and removed', async () => {
    const templates = desk();
    const body = { match: {}, observations: [{ path: '/3303/*/5700' }] };
    expect(await templates.put('b', body)).toEqual({ outcome: 'stored', template: { name: 'b', ...body } });
    await templates.put('a', { ...body, priority: 0 });
    expect((await templates.list()).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(await templates.get('a')).toEqual({ name: 'a', ...body, priority: 0 });
    expect(await templates.remove('a')).toBe(true);
    expect(await templates.remove('a')).toBe(false);
    expect(await templates.get('a')).toBeUndefined();
  });

  it.each<[string, ObservationTemplate['observations'][number], string]>([
    ['a wildcard for the object', { path: '/*/0/5700' }, 'observations.0.path'],
    ['a wildcard for a resource', { path: '/3303/0/*' }, 'observations.0.path'],
    ['two wildcards', { path: '/3303/*/*' }, 'observations.0.path'],
    ['an id that is too large', { path: '/3303/*/65535' }, 'observations.0.path'],
    ['path and paths', { path: '/3/0', paths: ['/3/0'] }, 'observations.0.path'],
    ['neither', {}, 'observations.0.path'],
    ['attributes that contradict each other', { path: '/3303/*/5700', attributes: { lt: 5, gt: 4 } }, 'observations.0.attributes'],
    ['an attribute that no composite takes', { paths: ['/3303/*/5700'], attributes: { gt: 4 } }, 'observations.0.attributes.gt'],
  ])('%s is malformed', async (_what, observation, path) => {
    const put = await desk().put('t', { match: {}, observations: [observation] });
    expect(put).toMatchObject({ outcome: 'malformed', faults: expect.arrayContaining([expect.objectContaining({ path })]) });
  });

  it('an object that can not exist matches nothing: malformed', async () => {
    expect(await desk().put('t', { match: { object: '/65535' }, observations: [{ path: '/3' }] })).toMatchObject({ outcome: 'malformed', faults: [{ path: 'match.object' }] });
  });
});
