/** Operations on software by object 9, as the server drives them. Sans-IO: what happened goes in, the next command comes out. */
export * from './commands.ts';
export { tellsOfSoftware } from './facts.ts';
export * from './happenings.ts';
export { softwarePaths } from './object9.ts';
export {
  decodeSoftware, dueMs, encodeSoftware, limitMs, operationOf, SoftwareUnreadable, withOperation, type SoftwareOperation, type SoftwareRecord,
} from './operation.ts';
