import { expect, it } from 'vitest';
import { createLogger } from './index.ts';

function captured(level?: string) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const options = { service: 'edge', fields: { worker: 'w1' }, destination };
  return { lines, logger: createLogger(level === undefined ? options : { ...options, level }) };
}

it('writes one JSON object a line, with service, level and time', () => {
  const { lines, logger } = captured();
  logger.child({ endpoint: 'urn:dev:1' }).info({ code: '2.04' }, 'updated');
  expect(lines).toEqual([
    expect.objectContaining({ service: 'edge', worker: 'w1', level: 'info', endpoint: 'urn:dev:1', code: '2.04', msg: 'updated' }),
  ]);
  expect(new Date(lines[0]?.['time'] as string).getTime()).toBeGreaterThan(0);
});

it('leaves out what is below its level', () => {
  const { lines, logger } = captured('warn');
  logger.info('quiet');
  logger.warn('loud');
  expect(lines.map((line) => line['msg'])).toEqual(['loud']);
});

it.each([
  [{ keyHex: 'S3CRET' }],
  [{ psk: { identity: 'a', keyHex: 'S3CRET' } }],
  [{ credential: { keyHex: 'S3CRET' } }],
  [{ body: { oscore: { masterSecretHex: 'S3CRET' } } }],
  [{ request: { headers: { authorization: 'S3CRET', 'x-api-key': 'S3CRET' } } }],
])('never writes a secret: %j', (fields) => {
  const { lines, logger } = captured();
  logger.info(fields);
  expect(JSON.stringify(lines)).not.toContain('S3CRET');
  expect(JSON.stringify(lines)).toContain('[redacted]');
});
