/** Test kit: fake time, simulated devices, suites that every adapter of a port must pass, and real brokers. */
export { startRedis, type RedisHandle, type RedisOptions } from './brokers/redis.ts';
export { startKafka, type KafkaHandle, type KafkaOptions } from './brokers/kafka.ts';
export { ensureKafka } from './brokers/install.ts';
export { startS3, type S3Handle, type S3Server } from './brokers/s3.ts';
export { useBrokers, useKafka, useRedis, useRedisCluster } from './brokers/shared.ts';
export { BrokerUnavailable, startServer as startProcess, type ServerProcess, type ServerSpec } from './brokers/process.ts';
export { EventTraffic, expectEventsKept, readAllEvents } from './compliance/events-traffic.ts';
export { eventsCompliance } from './compliance/events.ts';
export type { EventsHarness } from './compliance/events-harness.ts';
export { sessionStoreCompliance, type Opened } from './compliance/session-store.ts';
export { clusterStoreCompliance } from './compliance/cluster-store.ts';
export { certificateStoreCompliance } from './compliance/certificate-store.ts';
export { credentialStoreCompliance } from './compliance/credential-store.ts';
export { associationStoreCompliance } from './compliance/association-store.ts';
export { bootstrapSessionStoreCompliance } from './compliance/bootstrap-session-store.ts';
export { fleetStoreCompliance } from './compliance/fleet-store.ts';
export { packageStorageCompliance } from './compliance/package-storage.ts';
export { updateStoreCompliance } from './compliance/update-store.ts';
export { readModelStoreCompliance } from './compliance/read-model-store.ts';
export { BootstrapClient, type BootstrapClientOptions, type BootstrapCommandSeen } from './device/bootstrap-client.ts';
export { HandshakeRefused, SecureDevice, type SecureDeviceOptions, type SecureRequest } from './device/secure-device.ts';
export { SimulatedDevice } from './device/simulated-device.ts';
export { SimulatedFirmware, type FirmwareTroubles } from './device/firmware.ts';
export { SimulatedSoftware, type SoftwareTroubles } from './device/software.ts';
export type { DeviceEvents, DeviceOptions, ForgedNotification } from './device/device-options.ts';
export { NoResponse, type ClientRequest, type ClientResponse } from './device/coap-port.ts';
export { Faults, type LossRule, type Message } from './device/faults.ts';
export {
  accessControlObject, apnObject, cellObject, cellularObject, lightObject, lockAndWipeObject, softwareObject, wlanObject,
} from './device/management-objects.ts';
export { bearerObject, defaultObjects, locationObject, resource, type ObjectSpec, type ResourceSpec } from './device/objects.ts';
export { RegistrationRefused, type UpdateChanges } from './device/registration-client.ts';
export { LeshanFleet, type LeshanFleetCounters, type LeshanFleetOptions } from './clients/leshan-fleet.ts';
export { startLeshan, type LeshanClient, type LeshanDtls, type LeshanOptions, type ScandiumHandshake } from './clients/leshan.ts';
export { AiocoapFailed, startAiocoap, type AiocoapClient, type AiocoapOptions } from './clients/aiocoap.ts';
export { ensureLibcoap, LibcoapClient, LibcoapFailed, type LibcoapDtls } from './clients/libcoap.ts';
export { freeUdpPort } from './clients/udp-port.ts';
export type {
  CipherSuite, DtlsClient, DtlsClientOptions, DtlsSecurity, HandshakeResult, PskSecurity, RpkSecurity, SessionEnd, X509Security,
} from './clients/dtls/peer.ts';
export { ensureOpenssl, startOpenssl, type OpensslOptions } from './clients/dtls/openssl.ts';
export { ensureGnutls, startGnutls } from './clients/dtls/gnutls.ts';
export { ScandiumServer, type ScandiumServerOptions } from './clients/dtls/scandium-server.ts';
export { buildMbedtls, startMbedtls, type MbedtlsOptions } from './clients/dtls/mbedtls.ts';
export { buildWolfssl, startWolfssl, type WolfsslOptions } from './clients/dtls/wolfssl.ts';
export { attack, ATTACKS, buildTlsAttacker, type Attack, type AttackOutcome } from './clients/dtls/tls-attacker.ts';
export { makeRevocationList, makeTestPki, type Party, type TestPki } from './clients/dtls/pki.ts';
export {
  buildPionFleet, fleetCredentials, PionFleet,
  type FleetCounters, type FleetNames, type FleetOptions, type FleetReport, type LedgerEntry, type NonceCheck,
} from './clients/pion-fleet.ts';
export { UdpBalancer, type UdpBalancerOptions } from './network/udp-balancer.ts';
export { NatNetwork, NatUnavailable, type NatNetworkOptions } from './network/nat-network.ts';
