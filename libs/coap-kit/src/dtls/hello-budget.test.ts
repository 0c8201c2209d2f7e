import { fromHex } from '@cluster/bytes';
import { beforeEach, describe, expect, it } from 'vitest';
import { HelloBudget } from './hello-budget.ts';

// Record header of epoch 0 (RFC 6347 §4.1), then the type of a ClientHello; of epoch 1; application data.
const HELLO = fromHex('16fefd000000000000000000010100')!;
const FINISHED = fromHex('16fefd000100000000000000010100')!;
const DATA = fromHex('17fefd000100000000000000010100')!;

let nowMs: number;
let dropped: string[];
let budget: HelloBudget;

beforeEach(() => {
  nowMs = 0;
  dropped = [];
  budget = new HelloBudget({ perSource: 2, inAll: 5 }, () => nowMs, (why) => void dropped.push(why));
});

const from = (peer: string, bytes = HELLO) => ({ peer, bytes });
const admitted = (...peers: string[]) => budget.admitted(peers.map((peer) => from(peer))).map(({ peer }) => peer);

describe('ClientHellos', () => {
  it('of one source pass as often as is allowed, whichever port they come from', () => {
    expect(admitted('udp:192.0.2.1:1', 'udp:192.0.2.1:2', 'udp:192.0.2.1:3', 'udp:192.0.2.2:1')).toEqual(['udp:192.0.2.1:1', 'udp:192.0.2.1:2', 'udp:192.0.2.2:1']);
    expect(dropped).toEqual(['source']);
    nowMs += 500;
    expect(admitted('udp:192.0.2.1:1', 'udp:192.0.2.1:2')).toHaveLength(1);
  });

  it('of one IPv6 network count together', () => {
    expect(admitted('udp:[2001:db8:1:2::1]:1', 'udp:[2001:db8:1:2::2]:1', 'udp:[2001:db8:1:2:3:4:5:6]:1', 'udp:[2001:db8:1:3::1]:1')).toHaveLength(3);
  });

  it('of all sources pass as often as is allowed', () => {
    expect(admitted(...[1, 2, 3, 4, 5, 6].map((i) => `udp:192.0.2.${i}:1`))).toHaveLength(5);
    expect(dropped).toEqual(['all']);
  });

  it('hold nothing else up', () => {
    admitted('udp:192.0.2.1:1', 'udp:192.0.2.1:1');
    const batch = [from('udp:192.0.2.1:1', DATA), from('udp:192.0.2.1:1', FINISHED), from('udp:192.0.2.1:1', new Uint8Array(0)), from('udp:192.0.2.1:1')];
    expect(budget.admitted(batch)).toEqual(batch.slice(0, 3));
  });
});
