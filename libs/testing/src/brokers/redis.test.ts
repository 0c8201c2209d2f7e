import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { accepts } from './ports.ts';
import { startRedis } from './redis.ts';

test('data survives a restart at the same address and is gone after stop', { timeout: 20_000 }, async () => {
  const redis = await startRedis();
  const port = portOf(redis.urls[0]!);
  expect(await send(port, 'SET kept 1')).toBe('+OK');
  await redis.restart();
  expect(await send(port, 'GET kept')).toMatch(/^\$1\s+1$/);
  await redis.stop();
  expect(await accepts(port)).toBe(false);
});

test('a paused server keeps connections and answers nothing until it goes on', { timeout: 20_000 }, async () => {
  const redis = await startRedis();
  const port = portOf(redis.urls[0]!);
  redis.pause();
  const answer = send(port, 'PING');
  expect(await Promise.race([answer, sleep(200, 'silence')])).toBe('silence');
  redis.resume();
  expect(await answer).toBe('+PONG');
  await redis.stop();
});

test('a cluster of three masters serves all slots, each master with a replica that has its data', { timeout: 30_000 }, async () => {
  const redis = await startRedis({ cluster: true, replicas: 1 });
  expect(redis.urls).toHaveLength(6);
  const info = await send(portOf(redis.urls[2]!), 'CLUSTER INFO');
  expect(info).toContain('cluster_slots_ok:16384');
  expect(info).toContain('cluster_size:3');
  await redis.stop();
});

test('configuration lines reach the server', { timeout: 20_000 }, async () => {
  const redis = await startRedis({ config: ['appendonly no', 'maxmemory 5mb'] });
  const port = portOf(redis.urls[0]!);
  expect(await send(port, 'CONFIG GET maxmemory')).toContain('5242880');
  expect(await send(port, 'CONFIG GET appendonly')).toContain('no');
  await redis.stop();
});

test('a server does not outlive a test run that is killed', { timeout: 20_000 }, async () => {
  const module = join(import.meta.dirname, 'redis.ts');
  const script = `const { startRedis } = await import(${JSON.stringify(module)});
    console.log((await startRedis()).urls[0]); setInterval(() => {}, 1_000);`;
  const run = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(run.stdout, 'data') as [Buffer];
  const port = portOf(line.toString().trim());
  expect(await accepts(port)).toBe(true);
  run.kill('SIGKILL');
  await vi.waitFor(async () => expect(await accepts(port)).toBe(false), { timeout: 5_000, interval: 20 });
});

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** One inline command and the first piece of its answer. */
async function send(port: number, command: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(`${command}\r\n`);
  const [answer] = await once(socket, 'data') as [Buffer];
  socket.destroy();
  return answer.toString().trim();
}
