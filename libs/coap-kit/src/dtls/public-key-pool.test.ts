import { beforeEach, describe, expect, it } from 'vitest';
import { PublicKeyPool } from './public-key-pool.ts';

let pool: PublicKeyPool;
let begun: string[];
let dones: Map<string, () => void>;

const task = (name: string) => (done: () => void) => {
  begun.push(name);
  dones.set(name, done);
};

beforeEach(() => {
  pool = new PublicKeyPool({ atATime: 2, waiting: 2 });
  begun = [];
  dones = new Map();
});

describe('public-key work', () => {
  it('runs so many at a time, the others in their order', () => {
    expect(['a', 'b', 'c', 'd'].map((name) => pool.begin(task(name)))).toEqual([true, true, true, true]);
    expect([begun, pool.waiting]).toEqual([['a', 'b'], 2]);
    dones.get('b')!();
    expect([begun, pool.waiting]).toEqual([['a', 'b', 'c'], 1]);
  });

  it('of new handshakes is refused where too many wait, and never that of those under way', () => {
    expect(['a', 'b', 'c', 'd', 'e'].map((name) => pool.begin(task(name)))).toEqual([true, true, true, true, false]);
    for (const name of ['f', 'g', 'h']) pool.goOn(task(name));
    expect(pool.waiting).toBe(5);
    dones.get('a')!();
    expect(pool.begin(task('i'))).toBe(false);
    dones.get('b')!();
    dones.get('f')!();
    dones.get('g')!();
    expect(begun).toEqual(['a', 'b', 'f', 'g', 'h', 'c']);
    expect(pool.begin(task('i'))).toBe(true);
  });

  it('that is done at once leaves its place at once', () => {
    const ran: number[] = [];
    for (let i = 0; i < 10; i++) {
      pool.begin((done) => {
        ran.push(i);
        done();
      });
    }
    expect([ran.length, pool.waiting]).toEqual([10, 0]);
  });
});
