/** Names under which what comes from outside the service is injected. */
export const UPDATES = Symbol('UpdateStore');
export const SOFTWARE = Symbol('UpdateStore of software');
export const LINKS = Symbol('KeyRing');
export const LOG = Symbol('Log');
