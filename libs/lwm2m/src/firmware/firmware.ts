/** Firmware updates by object 5, as the server drives them. Sans-IO: what happened goes in, the next command comes out. */
export * from './commands.ts';
export { decide, type FirmwareScene } from './decide.ts';
export { chooseDelivery, PROTOCOLS, schemeOf, type FirmwareScheme } from './delivery.ts';
export { learn, tellsOfFirmware, type TellingValue } from './facts.ts';
export * from './happenings.ts';
export { FIRMWARE, isFailure, resultText } from './object5.ts';
export { isOver, told, type Progress } from './progress.ts';
export { targetMismatch } from './target.ts';
export {
  decodeUpdate, dueMs, encodeUpdate, FirmwareUpdateUnreadable, isInstalling, limitMs, type DeviceFacts, type FirmwareAction,
  type FirmwareTransition, type FirmwareUpdate,
} from './update.ts';
