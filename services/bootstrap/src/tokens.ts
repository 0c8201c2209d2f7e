/** What the controllers of the bootstrap service are given. */
export const NORTHBOUND = Symbol('Northbound');
export const CONFIGURATIONS = Symbol('ConfigurationDesk');
export const RECORDS = Symbol('BootstrapSessionStore');
