/** A CoAP request of a device as it reached this process. */
import type { CoapMessage } from '@cluster/coap';
import type { SecurePeer } from '@cluster/coap-kit';

export interface Received {
  readonly peer: string;
  readonly exchange: number;
  readonly message: CoapMessage;
  /** Who it proved to be; undefined without security. */
  readonly secure: SecurePeer | undefined;
}
