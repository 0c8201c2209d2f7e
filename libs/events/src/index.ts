/** Event building and the ports through which events leave and enter the cluster. */
export * from './ports.ts';
export { EventTooLarge, MAX_RECORD_BYTES, batchBytes, recordBytes } from './limits.ts';
