import { describe, expect, test } from 'vitest';
import { commandRequest, type CommandRequest, type Operation } from '@cluster/contracts';
import { checkCommand } from './check-command.ts';
import { executeArgumentsFault } from './execute-arguments.ts';
import { isRepeatable } from './rules.ts';

/** A command as REST takes it: what the contract refuses is no row for this table. */
const command = (request: object): CommandRequest => commandRequest.parse(request);
const fields = (request: object) => checkCommand(command(request)).map(({ path }) => path);
const value = (path: string, json: unknown = 1) => ({ path, value: json });

describe('well-formed: a device may refuse it, we do not', () => {
  test.each<[string, object]>([
    ['E29 int-221 Read of Security', { op: 'read', path: '/0' }],
    ['E29 int-221 Write to Security', { op: 'write', path: '/0/0/0', value: 'coap://x' }],
    ['E29 int-221 Write-Attributes on Security', { op: 'write-attributes', path: '/0', attributes: { pmin: 1, pmax: 2 } }],
    ['E47 int-256 Write to a read-only resource', { op: 'write', path: '/1/0/0', value: 123 }],
    ['E72 int-680 Create on a single-instance object', { op: 'create', path: '/3' }],
    ['E73 int-685 Delete of Device', { op: 'delete', path: '/3/0' }],
    ['E82 int-772 Execute in the wrong state', { op: 'execute', path: '/5/0/2' }],
    ['object-level Write', { op: 'write', path: '/1', values: [value('/1/0/1')] }],
    ['object-level Delete', { op: 'delete', path: '/3' }],
    ['Delete of a resource instance, 1.2', { op: 'delete', path: '/16/0/0/1' }],
    ['E43 int-235 composite of the root', { op: 'read-composite', paths: ['/'] }],
    ['pmax below pmin: ignored by the device', { op: 'write-attributes', path: '/3', attributes: { pmin: 10, pmax: 5 } }],
    ['E49 int-260 lt=1 gt=6 st=1', { op: 'write-attributes', path: '/3/0/7', attributes: { lt: 1, gt: 6, st: 1 } }],
    ['unset', { op: 'write-attributes', path: '/3/0/7', attributes: { lt: null, gt: 1, st: null } }],
    ['Execute with arguments', { op: 'execute', path: '/3/0/4', arguments: "0,2='10.3'" }],
    ['Execute with a raw payload', { op: 'execute', path: '/20/0/4011', payloadBase64: 'MCwxMDA=', contentFormat: 0 }],
    ['empty value: resets a download', { op: 'write', path: '/5/0/1', value: '' }],
    ['Create names the instance', { op: 'create', path: '/16/1', values: [value('/16/1/0/0', 'x')] }],
    ['Write-Composite that deletes an instance, 1.2', { op: 'write-composite', values: [value('/16/1', null)] }],
    ['text on a resource', { op: 'write', path: '/1/0/1', values: [value('/1/0/1')], contentFormat: 0 }],
    ['queue fields go with every operation', { op: 'delete', path: '/3/0', ttlS: 5, priority: 1, supersede: 'x', idempotencyKey: 'y' }],
  ])('%s', (_what, request) => {
    expect(checkCommand(command(request))).toEqual([]);
  });
});

describe('malformed', () => {
  test.each<[string, object, string[]]>([
    ['B83 object left out', { op: 'read', path: '//0/1' }, ['path']],
    ['B83 instance left out', { op: 'read', path: '/3//1' }, ['path']],
    ['B83 five ids', { op: 'read', path: '/3/0/1/2/3' }, ['path']],
    ['B83 reserved id', { op: 'read', path: '/65535' }, ['path']],
    ['B83 trailing slash', { op: 'read', path: '/3/0/' }, ['path']],
    ['B83 no leading slash', { op: 'read', path: '3/0' }, ['path']],
    ['B83 name', { op: 'read', path: '/device' }, ['path']],
    ['B83 empty', { op: 'read', path: '' }, ['path']],
    ['B83 one of several', { op: 'read-composite', paths: ['/3/0', '/3/x'] }, ['paths.1']],
    ['B83 path of a value', { op: 'write', path: '/1/0', values: [value('/1/0/1'), value('2')] }, ['values.1.path']],
    ['Read of the root', { op: 'read', path: '/' }, ['path']],
    ['Delete of the root', { op: 'delete', path: '/' }, ['path']],
    ['Execute of an instance would be a partial Write', { op: 'execute', path: '/3/0' }, ['path']],
    ['Execute of an object would be a Create', { op: 'execute', path: '/3' }, ['path']],
    ['partial Write of an object would be a Create', { op: 'write-partial', path: '/1', values: [value('/1/0/1')] }, ['path']],
    ['Create of a resource', { op: 'create', path: '/16/0/1' }, ['path']],
    ['B87 text on an instance', { op: 'write', path: '/1/0', values: [value('/1/0/1')], contentFormat: 0 }, ['contentFormat']],
    ['B87 CBOR on an instance', { op: 'write', path: '/1/0', values: [value('/1/0/1')], contentFormat: 60 }, ['contentFormat']],
    ['B87 raw text on an instance', { op: 'write', path: '/1/0', payloadBase64: 'eA==', contentFormat: 0 }, ['contentFormat']],
    ['B87 partial Write in text would be an Execute', { op: 'write-partial', path: '/1/0/1', value: 1, contentFormat: 0 }, ['contentFormat']],
    ['B87 one value on an instance', { op: 'write', path: '/1/0', value: 1 }, ['value']],
    ['B89 Create in opaque', { op: 'create', path: '/16', payloadBase64: 'eA==', contentFormat: 42 }, ['contentFormat']],
    ['two values in text', { op: 'write', path: '/16/0/0', values: [value('/16/0/0/0'), value('/16/0/0/1')], contentFormat: 0 }, ['values']],
    ['B86 raw payload without format', { op: 'write', path: '/1/0/1', payloadBase64: 'eA==' }, ['contentFormat']],
    ['base64 with loose bits', { op: 'write', path: '/1/0/1', payloadBase64: 'eB==', contentFormat: 0 }, ['payloadBase64']],
    ['B88 argument', { op: 'execute', path: '/3/0/4', arguments: 'reset' }, ['arguments']],
    ['B91 lt not below gt', { op: 'write-attributes', path: '/3/0/7', attributes: { lt: 5, gt: 5 } }, ['attributes']],
    ['B91 lt + 2 st not below gt', { op: 'write-attributes', path: '/3/0/7', attributes: { lt: 1, gt: 3, st: 1 } }, ['attributes']],
    ['nothing to write', { op: 'write', path: '/1/0/1' }, ['values']],
    ['nothing to write at once', { op: 'write-composite' }, ['values']],
    ['value beside values', { op: 'write', path: '/1/0/1', value: 1, values: [value('/1/0/1')] }, ['values']],
    ['value beside a raw payload', { op: 'write', path: '/1/0/1', value: 1, payloadBase64: 'eA==', contentFormat: 0 }, ['payloadBase64']],
    ['no path', { op: 'read' }, ['path']],
    ['no paths', { op: 'observe-composite' }, ['paths']],
    ['no attribute named', { op: 'write-attributes', path: '/3', attributes: {} }, ['attributes']],
    ['no attributes', { op: 'write-attributes', path: '/3' }, ['attributes']],
    ['fields of other operations', { op: 'read', path: '/3', value: 1, attributes: {}, arguments: '0' }, ['value', 'attributes', 'arguments']],
    ['path of a composite', { op: 'read-composite', path: '/3', paths: ['/3'] }, ['path']],
    ['value outside the target', { op: 'write', path: '/1/0', values: [value('/1/1/1')] }, ['values.0.path']],
    ['value of another new instance', { op: 'create', path: '/16/1', values: [value('/16/2/0')] }, ['values.0.path']],
    ['value of an instance', { op: 'write', path: '/1', values: [value('/1/0')] }, ['values.0.path']],
    ['value twice', { op: 'write', path: '/1/0', values: [value('/1/0/1'), value('/1/0/1', 2)] }, ['values.1.path']],
  ])('%s', (_what, request, faults) => {
    expect(fields(request)).toEqual(faults);
  });
});

describe('B88 Execute arguments, Core 1.1 §6.3.5', () => {
  test.each(['0', "2='10.3'", "7,0='https://www.oma.org'", '0,1,2,3,4,5,6,7,8,9', "0=''", "0='!#&([]~'"])('%s is taken', (text) => {
    expect(executeArgumentsFault(text)).toBeUndefined();
  });

  test.each(['', ',', '0,', ',0', '10', 'a', '0=', '0=1', "0='", "0='a'b", "0='a\\b'", "0='a b'", `0='"'`, "0='a''b'", '0,0', "1,1='x'", '0 ,1', '0\n', "0='é'"])(
    '%j is refused',
    (text) => {
      expect(executeArgumentsFault(text)).toBeTypeOf('string');
    },
  );
});

describe('isRepeatable', () => {
  test.each<[Operation, object, boolean]>([
    ['read', {}, true], ['read-composite', {}, true], ['discover', {}, true], ['observe', {}, true], ['observe-composite', {}, true],
    ['cancel-observe', {}, true], ['cancel-observe-composite', {}, true], ['write-attributes', { path: '/5/0/3' }, true],
    ['write', { path: '/1/0/1' }, true], ['write', { path: '/50/0/1' }, true], ['delete', { path: '/16/1' }, true],
    ['execute', { path: '/3/0/4' }, false], ['create', { path: '/16' }, false], ['write-partial', { path: '/1/0' }, false],
    ['write-composite', {}, false], ['write', { path: '/5/0/0' }, false], ['write', { path: '/9/0/2' }, false],
    ['execute', { repeatable: true }, true], ['write', { path: '/5/0/1', repeatable: true }, true], ['read', { repeatable: false }, false],
  ])('%s %j: %s', (op, rest, expected) => {
    expect(isRepeatable(command({ op, ...rest }))).toBe(expected);
  });
});
