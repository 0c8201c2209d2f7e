/** LwM2M: paths, values, content formats, object model, registration and operations. */
export * from './path.ts';
export * from './values.ts';
export {
  type ContentOptions, type DecodedContent, type DecodedPaths, type DecodeOptions, type Refusal,
  decodeContent, decodePaths, encodeContent, encodePaths,
} from './content/content.ts';
export { ContentError, type ContentErrorCode, type ContentFault, MAX_PAYLOAD_BYTES, MAX_VALUES } from './content/faults.ts';
export { ContentFormat, contentFormatName, registeredFormat } from './content/format.ts';
export { fromJsonValue, toJsonValue } from './content/json-value.ts';
export * from './model/definition.ts';
export * from './model/ddf.ts';
export * from './model/core-versions.ts';
export * from './model/object-model.ts';
export * from './registration/link-format.ts';
export * from './registration/object-links.ts';
export { MAX_LIFETIME_S, type RegistrationFault, type RegistrationFaultCode, type RegistrationPolicy } from './registration/parameters.ts';
export * from './registration/register.ts';
export * from './operations/device-context.ts';
export { isRepeatable } from './operations/rules.ts';
export { checkCommand, type CommandFault } from './operations/check-command.ts';
export * from './operations/plan-request.ts';
export * from './operations/read-response.ts';
export { readReport, type Report } from './operations/report.ts';
export * from './operations/send.ts';
export * from './bootstrap/bootstrap-operations.ts';
export * from './bootstrap/bootstrap-request.ts';
export * from './bootstrap/discovered.ts';
/** Updates of object 5: `firmware.begin`, `firmware.onValues`, … */
export * as firmware from './firmware/firmware.ts';
/** Operations on object 9: `software.begin`, `software.onValues`, … */
export * as software from './software/software.ts';
