/** The death of the edge, and of everything, at each of a device's requests and answers. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { CommandWalk, type Kill } from './command-walk.ts';

const at = (n: number): Kill[] => [
  { at: 'request', n, what: 'edge' },
  { at: 'answer', n, what: 'edge' },
  { at: 'result', n, what: 'edge' },
  { at: n % 2 === 0 ? 'request' : 'answer', n, what: 'everything' },
];
const KILLS = Array.from({ length: 19 }, (_, i) => at(i + 1)).flat();

describe('commands for a device asleep', () => {
  const walk = new CommandWalk();
  beforeAll(() => walk.open());
  afterAll(() => walk.close());

  it.each(KILLS)('are each carried out once and in their turn, though $what is killed (at $at $n)', (kill) => walk.survive(kill));
});
