/** How a simulated device pulls a package: by CoAP from its own port, or by HTTP. */
import { NoResponse } from './coap-port.ts';
import type { SimulatedDevice } from './simulated-device.ts';

/** Undefined: the URI leads to nothing. */
export async function fetchPackage(device: SimulatedDevice, uri: string): Promise<Uint8Array | undefined> {
  const { protocol, pathname } = new URL(uri);
  if (protocol === 'http:') {
    const response = await fetch(uri);
    return response.ok ? response.bytes() : undefined;
  }
  const path = pathname.split('/').filter((segment) => segment !== '');
  const { code, payload } = await device.request({ method: 'GET', path, timeoutMs: 60_000 }).catch((error: unknown) => {
    if (error instanceof NoResponse) return { code: '', payload: new Uint8Array(0) };
    throw error;
  });
  return code === '2.05' ? payload : undefined;
}
