/** Event building and the ports through which events leave and enter the cluster. */
export * from './ports.ts';
