import { expect, test } from 'vitest';
import { startKafka } from './kafka.ts';
import { accepts } from './ports.ts';

test('Kafka starts, goes down and comes back at the same address', { timeout: 120_000 }, async () => {
  const kafka = await startKafka();
  const port = Number(kafka.brokers[0]!.split(':')[1]);
  await kafka.stopOne(0, 'SIGKILL');
  expect(await accepts(port)).toBe(false);
  await kafka.startOne(0);
  expect(await accepts(port)).toBe(true);
  await kafka.stop();
  expect(await accepts(port)).toBe(false);
});
