/** The framework's lines in the service's log. */
import { expect, test } from 'vitest';
import { NestLogger } from './logger.ts';

test('keeps level, context and error; start-up chatter is for debugging', () => {
  const lines: [level: string, fields: object, message: string][] = [];
  const write = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message]);
  const logger = new NestLogger({ error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') });
  const error = new Error('broken');
  logger.log('Starting', 'NestFactory');
  logger.warn('careful');
  logger.error(error, 'stack', 'Router');
  expect(lines).toEqual([
    ['debug', { context: 'NestFactory' }, 'Starting'],
    ['warn', {}, 'careful'],
    ['error', { context: 'Router', err: error }, 'broken'],
  ]);
});
