import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatPeer, parsePeer } from './peer.ts';

describe('peer', () => {
  it.each([
    ['udp:192.0.2.7:40123', { family: 4, address: '192.0.2.7', port: 40_123 }],
    ['udp:[2001:db8::1]:5683', { family: 6, address: '2001:db8::1', port: 5_683 }],
    ['udp:[fe80::1%eth0]:1', { family: 6, address: 'fe80::1%eth0', port: 1 }],
  ] as const)('%s', (text, address) => {
    expect(parsePeer(text)).toEqual(address);
    expect(formatPeer(address.family, address.address, address.port)).toBe(text);
  });

  it.each([
    '', 'udp:', 'udp:192.0.2.7', 'udp:192.0.2.7:0', 'udp:192.0.2.7:65536', 'udp:192.0.2.7:1.5', 'udp:example.org:5683',
    'tcp:192.0.2.7:5683', 'udp:2001:db8::1:5683', 'udp:[192.0.2.7]:5683', 'udp:[::1:5683', 'udp:[::1]', 'udp:[::1]:',
  ])('%j is none', (text) => {
    expect(parsePeer(text)).toBeUndefined();
  });

  it('reads back every address', () => {
    const v4 = fc.record({ family: fc.constant(4 as const), address: fc.ipV4() });
    const v6 = fc.record({ family: fc.constant(6 as const), address: fc.ipV6() });
    fc.assert(fc.property(fc.oneof(v4, v6), fc.integer({ min: 1, max: 65_535 }), ({ family, address }, port) => {
      expect(parsePeer(formatPeer(family, address, port))).toEqual({ family, address, port });
    }));
  });
});
