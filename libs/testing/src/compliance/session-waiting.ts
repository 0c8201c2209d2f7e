/** Compliance of what waits for a tenant's devices: bounded together, told absolutely, so that telling twice changes nothing. */
import type { SessionStore } from '@cluster/session';
import { expect, test } from 'vitest';

export function waitingCompliance(store: () => SessionStore): void {
  const limit = { entries: 10, bytes: 1_000 };
  const one = (tenant: string, number: string, bytes = 1) => store().reserve({ tenant, number, entries: 1, bytes }, limit);

  test('a tenant\'s devices share its entries, those of another do not', async () => {
    const reserved = await Promise.all(Array.from({ length: 12 }, (_, i) => one('shared', `waiting${i % 3}`)));
    expect(reserved.filter(Boolean)).toHaveLength(10);
    expect(await one('other', 'waiting0')).toBe(true);
  });

  test('a tenant\'s devices share its bytes', async () => {
    expect(await one('heavy', 'waiting0', 600)).toBe(true);
    expect(await one('heavy', 'waiting1', 500)).toBe(false);
    expect(await one('heavy', 'waiting1', 400)).toBe(true);
  });

  test('what is told of a device takes the place of what was reserved and told before', async () => {
    const told = (entries: number) => ({ tenant: 'told', number: 'waiting0', entries, bytes: entries });
    for (let i = 0; i < 10; i++) await one('told', 'waiting0');
    await store().account([told(9)]);
    await store().account([told(9)]);
    expect(await one('told', 'waiting1')).toBe(true);
    expect(await one('told', 'waiting1')).toBe(false);
    await store().account([told(0), { ...told(0), number: 'waiting1' }, { ...told(0), number: 'unknown0' }]);
    expect(await store().reserve(told(10), limit)).toBe(true);
    await store().account([]);
  });
}
