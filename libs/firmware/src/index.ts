/** Packages and updates of firmware: what is kept of them, the ports that keep it, and the links by which devices fetch it. */
export * from './package.ts';
export * from './package-link.ts';
export * from './ports.ts';
