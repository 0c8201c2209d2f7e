/** A service's part of an application that several services share: in one process they have one port and one consumer group. */
import type { RestRoute } from '@cluster/contracts';
import type { DynamicModule } from '@nestjs/common';

export interface Mount {
  readonly module: DynamicModule;
  /** What it serves, for access control and the API's document. */
  readonly routes: readonly RestRoute[];
  /** Its handlers take bodies as streams of bytes. */
  readonly byteStreams?: boolean;
}
