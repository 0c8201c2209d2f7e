import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

/** Lets visitors enter and tells in which order they got their places. */
function visited(turns: Turns) {
  const order: string[] = [];
  const enter = (tenant: string, name: string) => {
    const wait = turns.enter(tenant);
    if (wait === undefined) order.push(name);
    else void wait.then(() => order.push(name));
  };
  return { order, enter };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('places for requests', () => {
  it('are not waited for by who only tries', async () => {
    const turns = new Turns(2);
    expect(['a', 'b', 'c'].map((tenant) => turns.tryEnter(tenant))).toEqual([true, true, false]);
    expect(turns.waiting).toBe(0);
    turns.leave('a');
    expect(['b', 'c', 'c'].map((tenant) => turns.tryEnter(tenant))).toEqual([false, true, false]);
    expect(turns.waiting).toBe(0);
  });

  it('are bounded', async () => {
    const turns = new Turns(4);
    const { order, enter } = visited(turns);
    for (const name of ['a', 'b', 'c', 'd']) enter(name, name);
    enter('e', 'e');
    await settled();
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(turns.waiting).toBe(1);
    turns.leave('b');
    await settled();
    expect(order.at(-1)).toBe('e');
  });

  it('are never all one tenant\'s', async () => {
    const turns = new Turns(4);
    const { order, enter } = visited(turns);
    for (let i = 0; i < 10; i++) enter('many', `many ${i}`);
    enter('few', 'few');
    await settled();
    expect(order).toEqual(['many 0', 'many 1', 'many 2', 'few']);
  });

  it('go round the tenants, and round the devices of each', async () => {
    const turns = new Turns(1);
    const { order, enter } = visited(turns);
    for (const name of ['m0', 'm1', 'm2', 'm3']) enter('many', name);
    for (const name of ['f0', 'f1']) enter('few', name);
    for (const tenant of ['many', 'many', 'few', 'many', 'few', 'many']) {
      await settled();
      turns.leave(tenant);
    }
    await settled();
    expect(order).toEqual(['m0', 'm1', 'f0', 'm2', 'f1', 'm3']);
    expect(turns.waiting).toBe(0);
  });

  it('are given up at the end', async () => {
    const turns = new Turns(1);
    const { order, enter } = visited(turns);
    enter('a', 'first');
    enter('a', 'second');
    turns.close();
    await settled();
    expect(order).toEqual(['first', 'second']);
  });
});
