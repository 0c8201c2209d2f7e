/** What starts an orchestrator, alone or within the whole server. */
export { mountFirmware, startFirmwareOrchestrator, type FirmwarePorts, type RunningOrchestrator } from './start.ts';
export { wireFirmware, type WiredFirmware } from './wire.ts';
