/** LwM2M: paths, values, content formats, object model, registration and operations. */
export * from './path.ts';
export * from './values.ts';
