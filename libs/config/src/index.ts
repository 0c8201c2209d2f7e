/** The environment of a process as one frozen, typed object, and the life of a process that runs on it. */
export { openAuthority, type HeldAuthority } from './authority-file.ts';
export { type ApiKeyFile, openApiKeys } from './api-key-file.ts';
export { kafkaSecurity, type KafkaSecuritySettings, redisSecurity, type RedisSecuritySettings } from './broker-security.ts';
export * from './config-error.ts';
export { type DtlsFiles, openDtlsFiles, type ServerIdentity } from './dtls-files.ts';
export { renderSettingsMarkdown, type SettingDocumentation, settingsTable } from './documentation.ts';
export { type Config, type Environment, loadConfig } from './load-config.ts';
export type { ServiceKind } from './settings.ts';
export { type ProcessContext, runProcess, type Running } from './run-process.ts';
export { openSecrets, type Secrets } from './secret-file.ts';
