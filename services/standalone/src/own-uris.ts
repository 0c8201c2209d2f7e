/** Where devices on this host reach the server's files, where nobody else reaches it: its own loopback ports. */
import { isIPv4 } from 'node:net';
import type { Config } from '@cluster/config';
import type { Edge } from '@cluster/edge';

/** Empty where the device ports are open to other hosts: the name under which those reach it is not known here. */
export function ownUris({ bind, httpBind, httpPort }: Pick<Config, 'bind' | 'httpBind' | 'httpPort'>, edge: Pick<Edge, 'coapPort' | 'coapsPort'>): Partial<Record<'coap' | 'coaps' | 'http', string>> {
  const address = bind.find(isIPv4) ?? bind[0] ?? '';
  if (!bind.every(isLoopback)) return {};
  const host = isIPv4(address) ? address : `[${address}]`;
  return {
    ...(edge.coapPort === undefined ? {} : { coap: `coap://${host}:${edge.coapPort}` }),
    ...(edge.coapsPort === undefined ? {} : { coaps: `coaps://${host}:${edge.coapsPort}` }),
    ...(isLoopback(httpBind) && httpPort !== 0 ? { http: `http://${isIPv4(httpBind) ? httpBind : `[${httpBind}]`}:${httpPort}` } : {}),
  };
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
