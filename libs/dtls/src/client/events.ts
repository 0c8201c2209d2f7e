/** What happens to a client. */
import type { ClientSession } from './options.ts';

export type DtlsClientEvent =
  /** `session`: to resume by, later. */
  | { readonly kind: 'connected'; readonly resumed: boolean; readonly session: ClientSession; readonly suite: string; readonly serverCid: Uint8Array }
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** The handshake came to nothing: by an alert of either side, or in silence. */
  | { readonly kind: 'failed'; readonly reason: 'alert-received' | 'alert-sent' | 'timeout'; readonly alert?: number }
  | { readonly kind: 'closed'; readonly alert: number };
