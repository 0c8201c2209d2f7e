/** Sessions under way as the store has them. */
import type { BootstrapSessionView } from '@cluster/contracts';
import type { DeviceNumber } from '@cluster/session';

export interface OpenSession {
  /** As it was when it began. */
  readonly view: BootstrapSessionView;
  readonly number: DeviceNumber;
}

export function encodeOpen(open: OpenSession): string {
  return JSON.stringify(open);
}

export function decodeOpen(record: string): OpenSession {
  return JSON.parse(record) as OpenSession;
}
