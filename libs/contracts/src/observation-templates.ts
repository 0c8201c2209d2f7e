/** Observation templates: what should be observed at every device that matches, as operators write it. */
import { z } from 'zod';
import { tenantName } from './access.ts';
import { desiredObservation } from './endpoints.ts';
import { labels } from './profile.ts';

export const templateName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 letters, digits, ".", "_" or "-"');

/** Conditions, all of which have to hold; none at all: every device matches. */
export const templateMatch = z.strictObject({
  endpointPattern: z.string().min(1).max(255).optional().describe('the endpoint name; * stands for any characters, ? for one'),
  labels: labels.optional().describe('labels that the endpoint has, with these values'),
  object: z.string().regex(/^\/\d{1,5}(\/\d{1,5})?$/, 'expected /object or /object/instance').optional()
    .describe('an object or object instance that the device announced'),
  objectVersion: z.string().regex(/^\d{1,5}\.\d{1,5}$/, 'expected major.minor').optional()
    .describe('the version of `object` at the device'),
}).refine(({ object, objectVersion }) => objectVersion === undefined || object !== undefined, { path: ['objectVersion'], message: 'needs object' });
export type TemplateMatch = z.infer<typeof templateMatch>;

export const observationTemplate = z.strictObject({
  match: templateMatch,
  observations: z.array(desiredObservation).min(1).max(100)
    .describe('a path may have * in the place of the object instance: every instance that the device announced'),
  priority: z.number().int().min(0).max(1_000).optional().describe('decides between templates with the same observation; 0 unless told, the greater wins'),
});
export type ObservationTemplate = z.infer<typeof observationTemplate>;

/** As the cluster keeps it: one that a caller of one tenant wrote is for that tenant's devices alone. */
export const storedTemplate = observationTemplate.extend({ tenant: tenantName.optional().describe('whose it is; missing: for the devices of all tenants') });
export type StoredTemplate = z.infer<typeof storedTemplate>;

export const observationTemplateView = storedTemplate.extend({ name: templateName });
export type ObservationTemplateView = z.infer<typeof observationTemplateView>;

export const observationTemplateList = z.array(observationTemplateView).describe('in order of their names');

const count = z.number().int().min(0);
export const templateEndpoint = z.object({ endpoint: z.string(), wanted: count, active: count, refused: count });
export type TemplateEndpoint = z.infer<typeof templateEndpoint>;

/** Where a template decides: how many observations of each endpoint are its, by their states. */
export const templateEndpoints = z.object({ endpoints: z.array(templateEndpoint), next: z.string().optional() });
export type TemplateEndpoints = z.infer<typeof templateEndpoints>;

/** How a template stands over all registered endpoints. */
export const templateTotals = z.object({
  endpoints: count.describe('registered endpoints at which the template decides for an observation'),
  observed: count.describe('of those: all of its observations are active'),
  waiting: count.describe('of those: at least one is wanted, and not confirmed by the device'),
  refused: count.describe('of those: none is wanted, and the device refused at least one'),
  observations: z.object({ wanted: count, active: count, refused: count }).describe('of all these endpoints together'),
  complete: z.boolean().describe('false: the count goes on, ask again'),
  countedAt: z.string().describe('when the count began'),
});
export type TemplateTotals = z.infer<typeof templateTotals>;
