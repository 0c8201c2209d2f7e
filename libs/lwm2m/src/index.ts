/** LwM2M: paths, values, content formats, object model, registration and operations. */
export * from './path.ts';
export * from './values.ts';
export * from './model/definition.ts';
export * from './model/ddf.ts';
export * from './model/core-versions.ts';
export * from './model/object-model.ts';
export * from './registration/link-format.ts';
export * from './registration/object-links.ts';
export { MAX_LIFETIME_S, type RegistrationFault, type RegistrationFaultCode, type RegistrationPolicy } from './registration/parameters.ts';
export * from './registration/register.ts';
