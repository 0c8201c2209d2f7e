/** Object 5, Firmware Update: its resources, and what its states and results mean. OMA LwM2M registry, 5 1.0 and 1.1. */

export const FIRMWARE = {
  instance: '/5/0',
  package: '/5/0/0',
  packageUri: '/5/0/1',
  update: '/5/0/2',
  state: '/5/0/3',
  result: '/5/0/5',
  protocols: '/5/0/8',
  method: '/5/0/9',
  cancel: '/5/0/10',
} as const;

/** Values of State. */
export const FirmwareState = { IDLE: 0, DOWNLOADING: 1, DOWNLOADED: 2, UPDATING: 3 } as const;

/** Values of Update Result that decide something here. */
export const UpdateResult = { INITIAL: 0, SUCCESS: 1, CANCELLED: 10, DEFERRED: 11 } as const;

const RESULTS: Readonly<Record<number, string>> = {
  1: 'updated successfully',
  2: 'not enough flash memory for the package',
  3: 'out of RAM while downloading',
  4: 'connection lost while downloading',
  5: 'integrity check of the package failed',
  6: 'unsupported package type',
  7: 'invalid URI',
  8: 'the update failed',
  9: 'unsupported protocol',
  10: 'cancelled at the device',
  11: 'the update is deferred',
};

/** What an Update Result says, in words. */
export function resultText(result: number): string {
  return `${RESULTS[result] ?? 'unknown Update Result'} (Update Result ${result})`;
}

/** Whether a result tells that downloading or updating failed. */
export function isFailure(result: number): boolean {
  return result > UpdateResult.SUCCESS && result !== UpdateResult.DEFERRED;
}
