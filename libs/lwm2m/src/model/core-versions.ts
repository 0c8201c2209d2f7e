/** Which version of an object a client means that announces none (OMA LwM2M Core 1.2 §7.2.3). */

export type Lwm2mVersion = '1.0' | '1.1' | '1.2';

/**
 * Objects that belong to the enabler: without `ver` they have the version that came with the client's enabler. What is
 * not listed is 1.0.
 */
const CORE: Readonly<Record<Lwm2mVersion, Readonly<Record<number, string>>>> = {
  '1.0': {},
  '1.1': { 0: '1.1', 1: '1.1', 3: '1.1', 4: '1.2' },
  '1.2': { 0: '1.2', 1: '1.2', 2: '1.1', 3: '1.2', 4: '1.3', 5: '1.1', 21: '2.0' },
};

/** The version of `object` in a client of this enabler that says nothing about it. */
export function defaultObjectVersion(object: number, lwm2mVersion: Lwm2mVersion): string {
  return CORE[lwm2mVersion][object] ?? '1.0';
}
