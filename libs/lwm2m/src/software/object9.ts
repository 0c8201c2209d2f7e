/** Object 9, Software Management: its resources, and what its states and results mean. OMA LwM2M registry, 9 1.0. */

/** Paths of one instance. */
export function softwarePaths(instance: number) {
  const base = `/9/${instance}`;
  return {
    instance: base,
    name: `${base}/0`,
    version: `${base}/1`,
    package: `${base}/2`,
    packageUri: `${base}/3`,
    install: `${base}/4`,
    uninstall: `${base}/6`,
    state: `${base}/7`,
    result: `${base}/9`,
    activate: `${base}/10`,
    deactivate: `${base}/11`,
    active: `${base}/12`,
  } as const;
}

/** Values of Update State. */
export const SoftwareState = { INITIAL: 0, DOWNLOAD_STARTED: 1, DOWNLOADED: 2, DELIVERED: 3, INSTALLED: 4 } as const;

/** Values of Update Result that decide something here. */
export const SoftwareResult = { INITIAL: 0, DOWNLOADING: 1, INSTALLED: 2, DELIVERED: 3, FIRST_FAILURE: 50, UNINSTALLATION_FAILED: 59 } as const;

const RESULTS: Readonly<Record<number, string>> = {
  50: 'not enough storage for the package',
  51: 'out of memory while downloading',
  52: 'connection lost while downloading',
  53: 'integrity check of the package failed',
  54: 'unsupported package type',
  56: 'invalid URI',
  57: 'an error of the device\'s own',
  58: 'the installation failed',
  59: 'the uninstallation failed',
};

/** What an Update Result says, in words. */
export function resultText(result: number): string {
  return `${RESULTS[result] ?? 'unknown Update Result'} (Update Result ${result})`;
}

/** Whether a result tells that downloading, installing or uninstalling failed. */
export function isFailure(result: number): boolean {
  return result >= SoftwareResult.FIRST_FAILURE;
}
