/** Names under which what comes from outside the service is injected. */
export const NORTHBOUND = Symbol('NorthboundPort');
export const OBSERVATION_TEMPLATES = Symbol('TemplatePort');
export const CREDENTIALS = Symbol('CredentialsPort');
export const METRICS = Symbol('RegistryMetrics');
export const READ_MODEL = Symbol('ReadModelStore');
export const VALUES_PER_ENDPOINT = Symbol('valuesPerEndpoint');
