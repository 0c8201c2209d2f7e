/** How a package goes to a device: pushed to /5/0/0, or pulled by the device from a URI. */
import type { FirmwareRequest } from '@cluster/contracts';
import type { DeviceFacts, FirmwareUpdate } from './update.ts';

/** Protocols of /5/0/8 by their URI schemes; those over TCP are not served. */
export const PROTOCOLS = { coap: 0, coaps: 1, http: 2, https: 3 } as const;
export type FirmwareScheme = keyof typeof PROTOCOLS;

/** Values of /5/0/9. */
const Method = { PULL: 0, PUSH: 1, BOTH: 2 } as const;

/** The scheme of a protocol number; undefined for one that is not served here. */
export function schemeOf(protocol: number): FirmwareScheme | undefined {
  return (Object.keys(PROTOCOLS) as FirmwareScheme[]).find((scheme) => PROTOCOLS[scheme] === protocol);
}

/** A device with security is given a secured way first, one without it the one that it surely has. */
const ORDER = { secure: [1, 3, 0, 2], open: [0, 1, 2, 3] } as const;

/**
 * The way for a device, or why there is none. Never a scheme that it does not name (OMA LwM2M registry, object 5,
 * resource 8); a device that names none has CoAP.
 */
export function chooseDelivery(
  wanted: FirmwareRequest['delivery'], device: DeviceFacts, secure: boolean, served: readonly FirmwareScheme[],
): NonNullable<FirmwareUpdate['by']> | string {
  const { method = Method.BOTH, protocols = [PROTOCOLS.coap] } = device;
  const mayPush = method !== Method.PULL && wanted !== 'pull';
  const mayPull = method !== Method.PUSH && wanted !== 'push';
  const known = protocols.length === 0 ? [PROTOCOLS.coap] : protocols;
  const numbers: readonly number[] = served.map((scheme) => PROTOCOLS[scheme]);
  const protocol = ORDER[secure ? 'secure' : 'open'].find((one) => known.includes(one) && numbers.includes(one));
  if (mayPull && protocol !== undefined) return { method: 'pull', protocol };
  if (mayPush) return { method: 'push' };
  if (wanted === 'push') return 'the device only pulls (/5/0/9), and push was asked for';
  if (!mayPull) return 'the device only takes pushes (/5/0/9), and pull was asked for';
  return `no protocol of the device (/5/0/8: ${known.join(', ')}) is served here (${served.join(', ') || 'none'})`;
}
