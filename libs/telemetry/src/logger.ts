/** Structured logs: one JSON object a line on standard output, without secrets. */
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly service: string;
  /** Least level that is written; default `info`. */
  readonly level?: string;
  /** Fields of every line. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Where lines go; default standard output. */
  readonly destination?: DestinationStream;
}

/** Fields that are never written, whoever logs the object that holds them, two levels deep. */
const SECRET_FIELDS = [
  'keyHex', 'masterSecretHex', 'saltHex', 'psk', 'oscore', 'password', 'secret', 'privateKey', 'apiKey',
  'authorization', 'cookie', '["x-api-key"]',
];

/** A logger of the process. Children (`logger.child`) share its destination. */
export function createLogger({ service, level = 'info', fields = {}, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service, ...fields },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap(pathsOf), censor: '[redacted]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function pathsOf(field: string): string[] {
  const under = field.startsWith('[') ? field : `.${field}`;
  return [field, `*${under}`, `*.*${under}`];
}
