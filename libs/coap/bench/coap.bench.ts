/** Prints the µs of CPU that a message costs: decode, encode, CON notification → ACK, request → response. Run with node. */
import { CoapEngine, Code, MessageType, OptionNumber, decodeMessage, encodeMessage, uintValue } from '../src/index.ts';
import type { CoapMessage } from '../src/index.ts';

/** About what one turn of the event loop brings. */
const BATCH = 100;
const WARM_UP = 1_000;
const BATCHES = 4_000;
const PEERS = 10_000;

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const notification: CoapMessage = {
  type: MessageType.CON,
  code: Code.CONTENT,
  messageId: 0x1234,
  token: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  options: [
    { number: OptionNumber.OBSERVE, value: uintValue(12_345) },
    { number: OptionNumber.CONTENT_FORMAT, value: uintValue(112) },
  ],
  payload: text('a measured value and its time, as SenML CBOR would carry it'),
};

const update: CoapMessage = {
  type: MessageType.CON,
  code: Code.POST,
  messageId: 0x1234,
  token: Uint8Array.of(1, 2, 3, 4),
  options: [
    { number: OptionNumber.URI_PATH, value: text('rd') },
    { number: OptionNumber.URI_PATH, value: text('AbCdEfGhIjKlMnOp') },
  ],
  payload: new Uint8Array(0),
};

/** Runs what `prepare` makes often enough to be compiled, then measures CPU time per message; preparing is not measured. */
function measure(name: string, prepare: (round: number) => () => void): void {
  let usedUs = 0;
  for (let round = -WARM_UP; round < BATCHES; round++) {
    const batch = prepare(round + WARM_UP);
    const before = process.cpuUsage();
    batch();
    const used = process.cpuUsage(before);
    if (round >= 0) usedUs += used.user + used.system;
  }
  console.log(`${name.padEnd(44)} ${(usedUs / (BATCH * BATCHES)).toFixed(3)} µs`);
}

/** The same message from another peer with another message id each time, as a socket would bring it. */
function traffic(message: CoapMessage, network: string): (round: number, index: number) => { peer: string; bytes: Uint8Array } {
  const peers = Array.from({ length: PEERS }, (_, index) => `${network}:10.0.${index >> 8}.${index & 0xff}:5683`);
  const wire = encodeMessage(message);
  return (round, index) => {
    const sequence = round * BATCH + index;
    const bytes = Buffer.from(wire);
    bytes.writeUInt16BE(Math.floor(sequence / PEERS) & 0xffff, 2);
    return { peer: peers[sequence % PEERS]!, bytes };
  };
}

let seed = 1;
/** One for all that is measured, as in a process that lives long: what is compiled for an engine goes with it. */
const engine = new CoapEngine({ rng: { uint32: () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) } });

function measureEngine(name: string, message: CoapMessage, answer: (exchange: number) => void): void {
  const next = traffic(message, name);
  let answered = 0;
  measure(name, (round) => {
    const datagrams = Array.from({ length: BATCH }, (_, index) => next(round, index));
    return () => {
      for (const datagram of datagrams) engine.handle(round, datagram);
      for (const event of engine.poll().events) {
        if (event.kind === 'request' || event.kind === 'unsolicited') answer(event.exchange);
      }
      answered += engine.poll().datagrams.length;
    };
  });
  if (answered !== BATCH * (WARM_UP + BATCHES)) throw new Error(`${answered} answers`);
}

let sink = 0;
for (const [name, message] of [['notification', notification], ['update', update]] as const) {
  const wire = Buffer.from(encodeMessage(message));
  measure(`decode, ${name} (${wire.length} bytes)`, () => () => {
    for (let index = 0; index < BATCH; index++) {
      const decoded = decodeMessage(wire);
      if (decoded.ok) sink += decoded.message.messageId;
    }
  });
  measure(`encode, ${name}`, () => () => {
    for (let index = 0; index < BATCH; index++) sink += encodeMessage(message).length;
  });
}
measureEngine('CON notification → acknowledge', notification, (exchange) => engine.acknowledge(0, exchange));
measureEngine('CON request → respond 2.04', update, (exchange) => engine.respond(0, exchange, { code: Code.CHANGED }));
if (sink === 0) throw new Error('nothing was measured');
