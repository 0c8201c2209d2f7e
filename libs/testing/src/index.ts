/** Test kit: fake time, simulated devices, suites that every adapter of a port must pass, and real brokers. */
export { startRedis, type RedisHandle, type RedisOptions } from './brokers/redis.ts';
export { startKafka, type KafkaHandle, type KafkaOptions } from './brokers/kafka.ts';
export { useBrokers, useKafka, useRedis, useRedisCluster } from './brokers/shared.ts';
export { BrokerUnavailable } from './brokers/process.ts';
export { eventsCompliance } from './compliance/events.ts';
export type { EventsHarness } from './compliance/events-harness.ts';
export { sessionStoreCompliance, type Opened } from './compliance/session-store.ts';
export { clusterStoreCompliance } from './compliance/cluster-store.ts';
export { readModelStoreCompliance } from './compliance/read-model-store.ts';
export { SimulatedDevice, type DeviceEvents, type DeviceOptions, type ForgedNotification } from './device/simulated-device.ts';
export { NoResponse, type ClientRequest, type ClientResponse } from './device/coap-port.ts';
export { Faults, type LossRule, type Message } from './device/faults.ts';
export { defaultObjects, resource, type ObjectSpec, type ResourceSpec } from './device/objects.ts';
export { RegistrationRefused, type UpdateChanges } from './device/registration-client.ts';
export { startLeshan, type LeshanClient, type LeshanOptions } from './clients/leshan.ts';
export { startAiocoap, type AiocoapClient, type AiocoapOptions } from './clients/aiocoap.ts';
export { ensureLibcoap, LibcoapClient } from './clients/libcoap.ts';
export { freeUdpPort } from './clients/udp-port.ts';
