/** Problem documents: which error becomes which, and what none of them tells. */
import { describe, expect, test } from 'vitest';
import { NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { ApiError, malformed, toApiError } from './problem.ts';

const withFields = (fields: object) => Object.assign(new Error('secret'), fields);

describe('errors become problems', () => {
  test.each<[name: string, error: unknown, status: number, code: string]>([
    ['its own', new ApiError(409, 'COMMAND_FINISHED', 'over'), 409, 'COMMAND_FINISHED'],
    ['a store that is away', withFields({ code: 'STORE_UNAVAILABLE' }), 503, 'STORE_UNAVAILABLE'],
    ['a broker that is away', withFields({ code: 'EVENTS_UNAVAILABLE' }), 503, 'EVENTS_UNAVAILABLE'],
    ['a device that changed under every attempt', withFields({ code: 'CONTENDED' }), 503, 'CONTENDED'],
    ["the router's", new NotFoundException(), 404, 'ROUTE_UNKNOWN'],
    ["the framework's", new ServiceUnavailableException(), 503, 'UNAVAILABLE'],
    ["Fastify's", withFields({ statusCode: 413, code: 'FST_ERR_CTP_BODY_TOO_LARGE' }), 413, 'BODY_TOO_LARGE'],
    ['a status that is none of ours', withFields({ statusCode: 418 }), 500, 'INTERNAL'],
    ['any other', new TypeError('secret'), 500, 'INTERNAL'],
    ['what is no error', 'secret', 500, 'INTERNAL'],
    ['nothing', undefined, 500, 'INTERNAL'],
  ])('%s', (_name, error, status, code) => {
    const problem = toApiError(error).toProblem();
    expect(problem).toMatchObject({ status, code });
    expect(JSON.stringify(problem)).not.toContain('secret');
  });
});

test('a document has what RFC 9457 names, and the faults', () => {
  expect(malformed([{ path: 'op', message: 'missing' }]).toProblem()).toEqual({
    type: 'urn:lwm2m:problem:request-malformed',
    title: 'The request is malformed',
    status: 400,
    code: 'REQUEST_MALFORMED',
    faults: [{ path: 'op', message: 'missing' }],
  });
});

test('what is away is asked for again after some seconds, not by all at once', () => {
  const waits = Array.from({ length: 200 }, () => toApiError(withFields({ code: 'STORE_UNAVAILABLE' })).retryAfterS ?? 0);
  expect(new Set(waits)).toEqual(new Set([1, 2, 3, 4, 5]));
});
