/**
 * What a message costs through the transport and through a plain `dgram` echo: CPU µs of the echoing process, receive
 * and send. Run: `node --conditions=@cluster/source libs/transport/bench/udp.bench.ts [messages]`.
 */
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Datagram, openUdp, type UdpTransport } from '../src/index.ts';

interface Report {
  readonly messages: number;
  readonly cpuUs: number;
  readonly meanBatch: number;
}

const MESSAGES = Number(process.argv[2] ?? 200_000);
const IN_FLIGHT = 200;
const ECHOES = { plain: plainEcho, transport: transportEcho };

const role = process.env['BENCH_ECHO'] as keyof typeof ECHOES | undefined;
if (role === undefined) await compare();
else process.send!(await ECHOES[role]());

async function compare(): Promise<void> {
  for (const name of Object.keys(ECHOES)) {
    const { messages, cpuUs, meanBatch } = await measure(name);
    console.log(`${name}: ${(cpuUs / messages).toFixed(2)} CPU µs/message, ${meanBatch.toFixed(1)} datagrams a batch, ${messages} messages`);
  }
}

/** Starts an echo in a process of its own and keeps datagrams in flight until it has seen them all. */
async function measure(name: string): Promise<Report> {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, BENCH_ECHO: name } });
  const [port] = (await once(child, 'message')) as [number];
  const socket = createSocket('udp4');
  const payload = new Uint8Array(60);
  const send = () => socket.send(payload, port, '127.0.0.1');
  socket.on('message', send);
  for (let index = 0; index < IN_FLIGHT; index++) send();
  const refill = setInterval(send, 5);
  const [report] = (await once(child, 'message')) as [Report];
  clearInterval(refill);
  socket.close();
  child.disconnect();
  return report;
}

/** Counts up to the last message; CPU time is taken from the first tenth on, when the code is hot. */
function counting(done: (report: Report) => void): (datagrams: number) => boolean {
  let seen = 0;
  let batches = 0;
  let start: NodeJS.CpuUsage | undefined;
  let startedAt = 0;
  return (datagrams) => {
    seen += datagrams;
    batches++;
    if (start === undefined && seen > MESSAGES / 10) [start, startedAt, batches] = [process.cpuUsage(), seen, 0];
    if (seen < MESSAGES) return false;
    const { user, system } = process.cpuUsage(start);
    done({ messages: seen - startedAt, cpuUs: user + system, meanBatch: (seen - startedAt) / batches });
    return true;
  };
}

async function transportEcho(): Promise<Report> {
  return new Promise((resolve) => {
    const count = counting(resolve);
    let echo: UdpTransport | undefined;
    const onBatch = (batch: Datagram[]) => {
      echo?.send(batch);
      if (count(batch.length)) void echo?.close();
    };
    void openUdp({ bind: ['127.0.0.1'], port: 0, onBatch }).then((udp) => {
      echo = udp;
      process.send!(udp.port);
    });
  });
}

async function plainEcho(): Promise<Report> {
  return new Promise((resolve) => {
    const count = counting(resolve);
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 });
    socket.on('message', (bytes, from) => {
      socket.send(bytes, from.port, from.address);
      if (count(1)) socket.close();
    });
    socket.bind(0, '127.0.0.1', () => process.send!(socket.address().port));
  });
}
