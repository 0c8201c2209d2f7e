import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { topics } from '@cluster/contracts';
import { EventsUnavailable, type EventRecord } from '@cluster/events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openEmbeddedEvents } from './index.ts';
import { EventLog, type Retention } from './log.ts';

const topic = topics.sends;
const event = (text: string): EventRecord => ({ topic, key: 'k', headers: {}, value: Buffer.from(text) });

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'events-'));
  file = join(directory, 'log.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('retention', () => {
  let nowMs = 0;
  const texts = (log: EventLog): string[] => log.read(topic, 0, 100).map(({ value }) => Buffer.from(value).toString());

  test.each<[string, Retention, string[]]>([
    ['records', { maxRecords: 2 }, ['cc', 'dd']],
    ['bytes of key, headers and value', { maxBytes: 7 }, ['cc', 'dd']],
    ['age', { ms: 15 }, ['cc', 'dd']],
    ['nothing before its limit', { maxRecords: 4, maxBytes: 12, ms: 30 }, ['aa', 'bb', 'cc', 'dd']],
  ])('keeps by %s', (_name, retention, kept) => {
    const log = new EventLog(file, retention, () => nowMs);
    ['aa', 'bb', 'cc', 'dd'].forEach((text, index) => {
      nowMs = index * 10;
      log.append([event(text)]);
    });
    expect(texts(log)).toEqual(kept);
    expect(log.range(topic)).toMatchObject({ first: 4 - kept.length, next: 4 });
    log.close();
  });

  test('a batch larger than what is kept leaves its end; offsets go on', () => {
    const log = new EventLog(file, { maxRecords: 1 }, () => 0);
    log.append([event('a'), event('b'), event('c')]);
    expect(texts(log)).toEqual(['c']);
    expect(log.read(topic, 0, 1)[0]!.offset).toBe('2');
    log.close();
  });

  test('each topic has its own', () => {
    const log = new EventLog(file, { maxRecords: 1 }, () => 0);
    log.append([event('a'), { ...event('other'), topic: topics.commands }]);
    expect(texts(log)).toEqual(['a']);
    log.close();
  });
});

test('a batch that fails in its middle leaves nothing behind', () => {
  const log = new EventLog(file, {}, () => 0);
  const broken = { ...event('b'), key: undefined as unknown as string, headers: { toString: undefined } as never };
  expect(() => log.append([event('a'), broken])).toThrow();
  expect(log.range(topic).next).toBe(0);
  log.append([event('c')]);
  expect(log.read(topic, 0, 10)).toHaveLength(1);
  log.close();
});

test('closing in the tick of a publish still writes it', async () => {
  const events = openEmbeddedEvents({ file });
  const published = events.publisher().publish([event('last')]);
  await events.close();
  await expect(published).resolves.toBeUndefined();
  const log = new EventLog(file, {}, () => 0);
  expect(log.read(topic, 0, 10)).toHaveLength(1);
  log.close();
});

test('a log that can not be written refuses at once, and is found writable again by itself', async () => {
  const events = openEmbeddedEvents({ file });
  const publisher = events.publisher();
  const changes: boolean[] = [];
  publisher.onAvailability((available) => changes.push(available));
  const other = new DatabaseSync(file);
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  other.exec('ALTER TABLE event_topics RENAME TO gone');
  await expect(publisher.publish([event('lost')])).rejects.toBeInstanceOf(EventsUnavailable);
  await expect(publisher.publish([])).rejects.toBeInstanceOf(EventsUnavailable);
  vi.advanceTimersByTime(1_000);
  expect(publisher.available).toBe(false);
  other.exec('ALTER TABLE gone RENAME TO event_topics');
  vi.advanceTimersByTime(1_000);
  vi.useRealTimers();
  await publisher.publish([event('kept')]);
  expect(changes).toEqual([false, true]);
  other.close();
  await events.close();
});

test('what was acknowledged survives the sudden death of the process', async () => {
  const script = `const { openEmbeddedEvents } = await import(${JSON.stringify(join(import.meta.dirname, 'index.ts'))});
    const publisher = openEmbeddedEvents({ file: ${JSON.stringify(file)} }).publisher();
    for (let n = 0; ; n++) {
      await publisher.publish([{ topic: '${topic}', key: 'k', headers: {}, value: Buffer.from(String(n)) }]);
      if (!process.stdout.write(n + '\\n')) await new Promise((resolve) => process.stdout.once('drain', resolve));
    }`;
  const writer = spawn(process.execPath, ['--conditions=@cluster/source', '--input-type=module', '-e', script]);
  let output = '';
  writer.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.length > 200) writer.kill('SIGKILL');
  });
  await once(writer, 'close');
  const acknowledged = output.trimEnd().split('\n').length;
  const log = new EventLog(file, {}, () => 0);
  expect(log.range(topic).next).toBeGreaterThanOrEqual(acknowledged);
  expect(log.read(topic, 0, acknowledged).map(({ value }) => Number(Buffer.from(value)))).toEqual(Array.from({ length: acknowledged }, (_, n) => n));
  log.close();
});
