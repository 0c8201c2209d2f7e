/** Software of devices (object 9): what REST takes, what it shows, and what events tell. */
import { z } from 'zod';
import { firmwareFailure, firmwareRequest, packageId } from './firmware.ts';

/** Where an operation on a software stands. The last four are ends. */
export const softwareStage = z.enum([
  'inquiring', 'preparing', 'delivering', 'downloading', 'delivered', 'installing', 'verifying', 'activating', 'deactivating', 'uninstalling',
  'cancelling', 'succeeded', 'failed', 'cancelled', 'superseded',
]);
export type SoftwareStage = z.infer<typeof softwareStage>;

/** What shall be of one instance of object 9. */
export const softwareRequest = z.strictObject({
  state: z.enum(['active', 'inactive', 'delivered', 'absent']).default('active')
    .describe('installed and activated; installed and not; only downloaded; uninstalled'),
  package: packageId.optional().describe('what is to be installed; without it what is installed is activated, deactivated or uninstalled'),
  delivery: firmwareRequest.shape.delivery,
  install: z.enum(['server', 'device']).default('server').describe('who begins the installation: the server, or the user at the device'),
  force: z.boolean().default(false).describe('also where the device says that it has this version already'),
  downloadTimeoutS: firmwareRequest.shape.downloadTimeoutS,
  installTimeoutS: firmwareRequest.shape.updateTimeoutS,
}).refine(({ state, package: id }) => state !== 'delivered' || id !== undefined, { path: ['package'], message: 'expected a package to deliver' })
  .refine(({ state, package: id }) => state !== 'absent' || id === undefined, { path: ['package'], message: 'nothing is installed where the software shall be absent' });
export type SoftwareRequest = z.infer<typeof softwareRequest>;

export const softwareView = z.object({
  endpoint: z.string(),
  instance: z.number().describe('of object 9'),
  operation: z.string().describe('id of this operation'),
  state: z.enum(['active', 'inactive', 'delivered', 'absent']).describe('what shall be'),
  package: packageId.optional(),
  version: z.string().optional().describe('of the package'),
  stage: softwareStage,
  since: z.string(),
  startedAt: z.string(),
  reason: z.string().describe('why it stands where it stands'),
  failure: firmwareFailure.optional().describe('the class of error that it failed with'),
  delivery: z.enum(['push', 'pull']).optional(),
  device: z.object({
    state: z.number().optional().describe('Update State'),
    result: z.number().optional().describe('Update Result'),
    active: z.boolean().optional().describe('Activation State'),
    name: z.string().optional().describe('PkgName'),
    version: z.string().optional().describe('PkgVersion'),
  }),
  commandId: z.string().optional().describe('the command that it waits for'),
});
export type SoftwareView = z.infer<typeof softwareView>;

/** Value of lwm2m.software.changed: an operation on a software moved to another stage. */
export const softwareChangedValue = z.object({
  endpoint: z.string(),
  instance: z.number(),
  operation: z.string(),
  package: packageId.optional(),
  version: z.string().optional(),
  stage: softwareStage,
  from: softwareStage.optional().describe('none where the operation begins'),
  at: z.string(),
  reason: z.string(),
  result: z.number().optional().describe('the last Update Result that the device told'),
  failure: firmwareFailure.optional().describe('the class of error that it failed with'),
});
export type SoftwareChangedValue = z.infer<typeof softwareChangedValue>;
