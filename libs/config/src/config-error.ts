/** The one error of this package: it names every fault of the environment at once and shows no value. */

/** What is wrong with one variable. `message` never repeats the value: it may hold a secret. */
export interface ConfigFault {
  readonly name: string;
  readonly message: string;
}

export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, message }) => `  ${name}: ${message}`);
    super(`The environment holds ${faults.length} fault(s):\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.faults = Object.freeze([...faults]);
  }
}
