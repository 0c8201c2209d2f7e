/** Tells variables that Kubernetes injects for a Service (`NAME_PORT=tcp://…`) from those an operator wrote. */

const INJECTED_NAME = /_SERVICE_(?:HOST|PORT(?:_.+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/;
const INJECTED_VALUE = /^(?:tcp|udp|sctp):\/\//;

export const SERVICE_LINK_FAULT =
  'comes from a Kubernetes Service whose name begins with "lwm2m": set enableServiceLinks: false in the pod';

/** Whether a variable has the name or value of a service link. */
export function isServiceLink(name: string, value: string): boolean {
  return INJECTED_NAME.test(name) || INJECTED_VALUE.test(value);
}
