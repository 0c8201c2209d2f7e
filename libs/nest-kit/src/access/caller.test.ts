/** What grants allow: by role, tenant, operation and path. */
import { accessOfRole, type Access, type Grant, role } from '@cluster/contracts';
import { describe, expect, test } from 'vitest';
import { Caller } from './caller.ts';

const caller = (...grants: Grant[]) => new Caller('test', grants);
const anyLimits = { limited: true };

test.each(role.options)('a %s may do what the role is for, at its own tenant', (name) => {
  for (const access of ['view', 'operate', 'provision', 'administer'] satisfies Access[]) {
    const expected = accessOfRole[name].includes(access) ? ['acme'] : [];
    expect([...caller({ role: name, tenant: 'acme' }).tenants(access, anyLimits)]).toEqual(expected);
  }
});

test('several grants add up', () => {
  const both = caller({ role: 'viewer', tenant: 'a' }, { role: 'operator', tenant: 'b' });
  expect([...both.tenants('view', anyLimits)]).toEqual(['a', 'b']);
  expect([...both.tenants('operate', anyLimits)]).toEqual(['b']);
});

describe('a grant for some operations and paths', () => {
  const limited = caller({ role: 'operator', tenant: 'a', operations: ['read', 'read-composite'], paths: ['/3', '/3303/0'] });

  test.each<[op: 'read' | 'write' | 'read-composite', paths: string[], tenant: string, allowed: boolean]>([
    ['read', ['/3'], 'a', true],
    ['read', ['/3/0/1'], 'a', true],
    ['read', ['/3303/0/5700'], 'a', true],
    ['read', ['/3303'], 'a', false],
    ['read', ['/3303/1'], 'a', false],
    ['read', ['/33'], 'a', false],
    ['read', ['/'], 'a', false],
    ['read', ['/3'], 'b', false],
    ['write', ['/3/0/1'], 'a', false],
    ['read-composite', ['/3/0/1', '/3303/0'], 'a', true],
    ['read-composite', ['/3/0/1', '/4'], 'a', false],
  ])('%s of %s at tenant %s: %s', (op, paths, tenant, allowed) => {
    expect(limited.mayCommand(tenant, { op, paths })).toBe(allowed);
  });

  test('opens no route that has no commands to be judged', () => {
    expect(limited.tenants('operate', { limited: false })).toEqual(new Set());
    expect(limited.tenants('operate', anyLimits)).toEqual(new Set(['a']));
  });

  test('shows what its paths cover', () => {
    expect([limited.maySee('a', '/3/0/1'), limited.maySee('a', '/4/0'), limited.maySee('b', '/3/0/1')]).toEqual([true, false, false]);
    expect([limited.seesAll, limited.givesAll]).toEqual([false, false]);
  });
});

test('an unlimited grant beside a limited one holds', () => {
  const mixed = caller({ role: 'operator', tenant: 'a', paths: ['/3'] }, { role: 'operator', tenant: 'a' });
  expect(mixed.mayCommand('a', { op: 'write', paths: ['/4'] })).toBe(true);
});

test('the root as a path covers everything', () => {
  expect(caller({ role: 'operator', tenant: 'a', paths: ['/'] }).mayCommand('a', { op: 'read', paths: ['/', '/3/0'] })).toBe(true);
});
