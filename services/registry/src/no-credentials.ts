/** What stands for credentials where the server has no secret file: it refuses, and says why. */
import { problemCodes } from '@cluster/contracts';
import { ApiError } from '@cluster/nest-kit';
import type { CredentialsPort } from './northbound-port.ts';

async function refuse(): Promise<never> {
  const { status, meaning } = problemCodes.SECRETS_MISSING;
  throw new ApiError(status, 'SECRETS_MISSING', meaning, { detail: 'LWM2M_SECRET_KEY_FILE is not set' });
}

export const noCredentials: CredentialsPort = { list: refuse, set: refuse, remove: refuse, erase: async () => {} };
