/** Bridges the framework's log lines to the service's own structured log. */
import type { LoggerService } from '@nestjs/common';

type Write = (fields: object, message: string) => void;

/** What the services need of a logger; pino's is one. */
export interface Log {
  readonly error: Write;
  readonly warn: Write;
  readonly info: Write;
  readonly debug: Write;
}

/** Drops every line: for tests, and for a service that is embedded without a log. */
export const silentLog: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

/** Nest passes the message first and its context last. */
export class NestLogger implements LoggerService {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  log(message: unknown, ...rest: unknown[]): void {
    // The framework's start-up lines are of no use to an operator.
    this.#write(this.#log.debug, message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write(this.#log.error, message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write(this.#log.warn, message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write(this.#log.debug, message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write(this.#log.debug, message, rest);
  }

  #write(write: Write, message: unknown, rest: unknown[]): void {
    const context = rest.at(-1);
    const fields = typeof context === 'string' ? { context } : {};
    if (message instanceof Error) write.call(this.#log, { ...fields, err: message }, message.message);
    else write.call(this.#log, fields, String(message));
  }
}
