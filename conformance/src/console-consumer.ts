/** Reads a topic with Kafka's own console consumer: what it shows owes nothing to the project's code, nor to its libraries. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ensureKafka } from '@cluster/testing';

/** A record as the console consumer prints it. */
export interface PrintedRecord {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

const SILENCE_MS = 8_000;
const formatting = { 'print.key': true, 'print.headers': true, 'key.separator': '\t', 'headers.separator': '\u0001' };

/** All records of a topic. */
export async function readConsole(brokers: readonly string[], topic: string): Promise<PrintedRecord[]> {
  const format = Object.entries(formatting).flatMap(([name, value]) => ['--formatter-property', `${name}=${value}`]);
  const { stdout } = await promisify(execFile)('java', [
    '-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=off', '-cp', await ensureKafka(),
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    '--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning', '--timeout-ms', String(SILENCE_MS), ...format,
  ], { maxBuffer: 64 * 1_048_576 });
  return stdout.split('\n').filter((line) => line.includes('\t')).map(parseLine);
}

/** headers TAB key TAB value; each header as name:value. */
function parseLine(line: string): PrintedRecord {
  const [headers = '', key = '', ...value] = line.split('\t');
  const pairs = headers.split('\u0001').map((header) => [header.slice(0, header.indexOf(':')), header.slice(header.indexOf(':') + 1)]);
  return { key, headers: Object.fromEntries(pairs) as Record<string, string>, value: value.join('\t') };
}
