/** In which order requests reach a device, and answers leave it. */
import type { SimulatedDevice } from '@cluster/testing';

/**
 * Requests and their answers from now on, in the order of their first datagrams: repetitions, which a busy machine
 * brings about, have the same token, and so has an answer in a message of its own (RFC 7252 §5.2.2).
 */
export function turnsOf(device: SimulatedDevice): readonly ('request' | 'answer')[] {
  const turns: ('request' | 'answer')[] = [];
  const known = new Set<string>();
  const note = (what: 'request' | 'answer', { code, token }: { code: string; token: Buffer }): false => {
    const id = `${what} ${token.toString('hex')}`;
    const concerned = what === 'request' ? /^0\.0[1-7]$/.test(code) : /^[245]\./.test(code);
    if (concerned && !known.has(id)) turns.push(what);
    if (concerned) known.add(id);
    return false;
  };
  device.faults.loseIncoming = (message) => note('request', message);
  device.faults.loseOutgoing = (message) => note('answer', message);
  return turns;
}
