/** States of an endpoint, in REST and events. */
import { z } from 'zod';

/** `provisioned`: an operator keeps something for it, and it has never registered. */
export const endpointState = z.enum(['registered', 'deregistered', 'expired', 'removed', 'provisioned']);
export type EndpointState = z.infer<typeof endpointState>;
