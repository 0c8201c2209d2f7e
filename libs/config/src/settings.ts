/** The table of every setting: its environment name, parser, default and meaning. Documentation is made from it. */
import { CIPHER_SUITES } from '@cluster/dtls';
import type { z } from 'zod';
import * as values from './values.ts';

/** The processes that read a configuration. */
export type ServiceKind = 'edge' | 'registry' | 'bootstrap' | 'firmware' | 'standalone';

/** A default as it would stand in the environment; undefined: none. */
export type Default = string | undefined | Readonly<Record<ServiceKind, string | undefined>>;

export interface Setting<S extends z.ZodType = z.ZodType, D extends Default = Default> {
  readonly name: string;
  readonly schema: S;
  readonly default: D;
  readonly meaning: string;
}

function setting<S extends z.ZodType, D extends Default>(name: string, schema: S, byDefault: D, meaning: string): Setting<S, D> {
  return { name, schema, default: byDefault, meaning };
}

const MEBIBYTE = 1_048_576;

export const settings = {
  redisUrls: setting('REDIS_URL', values.redisUrls, undefined,
    'Redis that keeps the state. Several addresses, separated by commas or spaces: a Redis Cluster. Needed by edge, registry and bootstrap; standalone keeps its state in LWM2M_DATA_DIR without it'),
  redisWaitReplicas: setting('LWM2M_REDIS_WAIT_REPLICAS', values.wholeNumber(0, 8), '0',
    'Replicas of a Redis server that must have a write before it counts, and before anything that depends on it leaves. 1 where Redis fails over: else what it forgets then was promised'),
  kafkaBrokers: setting('KAFKA_BROKERS', values.hostPorts, undefined,
    'Kafka brokers (host:port) that take the events. Needed by edge, registry and bootstrap; standalone keeps its events in LWM2M_DATA_DIR without it'),

  kafkaCreateTopics: setting('LWM2M_KAFKA_CREATE_TOPICS', values.onOff, 'on',
    'Whether services make topics that are missing, at their start and later. off: an operator makes them, and events of a topic that is missing are refused until then'),
  kafkaPartitions: setting('LWM2M_KAFKA_PARTITIONS', values.wholeNumber(1, 10_000), '12', 'Partitions of the topics that are made'),
  kafkaReplicationFactor: setting('LWM2M_KAFKA_REPLICATION_FACTOR', values.wholeNumber(0, 100), '0',
    'Replicas of the topics that are made. 0: three, or as many as there are brokers'),

  coapPort: setting('LWM2M_COAP_PORT', values.port, '5683', 'UDP port for CoAP. 0: any free one, here and for every port'),
  coapsPort: setting('LWM2M_COAPS_PORT', values.port, '5684', 'UDP port for CoAP over DTLS. Served where there is a secret file'),
  bootstrapCoapPort: setting('LWM2M_BOOTSTRAP_COAP_PORT', values.port, '5783', 'UDP port for bootstrap over CoAP. Served where LWM2M_NOSEC is on'),
  bootstrapCoapsPort: setting('LWM2M_BOOTSTRAP_COAPS_PORT', values.port, '5784', 'UDP port for bootstrap, and EST, over DTLS. Served where there is a secret file'),
  bootstrapMaxSessions: setting('LWM2M_BOOTSTRAP_MAX_SESSIONS', values.wholeNumber(1, 1_000_000), '10000',
    'Bootstrap sessions under way in one process at most; further devices get 5.03 and come again'),
  bind: setting('LWM2M_BIND', values.bindAddresses,
    { edge: '0.0.0.0,::', registry: '0.0.0.0,::', bootstrap: '0.0.0.0,::', firmware: '0.0.0.0,::', standalone: '127.0.0.1,::1' },
    'Addresses of the device ports: an IPv4 address, an IPv6 address or both'),
  reusePort: setting('LWM2M_REUSE_PORT', values.onOff, 'off',
    'Whether several workers of one host may have the same device ports (SO_REUSEPORT; Linux, FreeBSD 12, AIX): the kernel gives each device to one of them. To be set on all of them, with LWM2M_EGRESS=any'),
  httpPort: setting('LWM2M_HTTP_PORT', values.port, '8080', 'TCP port for REST, health and metrics'),
  httpBind: setting('LWM2M_HTTP_BIND', values.address, undefined,
    'Address of the HTTP port. Unset: 127.0.0.1, or 0.0.0.0 once REST asks its callers who they are (LWM2M_API_KEYS_FILE, LWM2M_OIDC_ISSUER)'),
  apiKeysFile: setting('LWM2M_API_KEYS_FILE', values.text, undefined,
    'JSON file with the static keys of REST: the digest of each, and what its holder may do. Read again when it changes. See docs/security.md'),
  oidcIssuer: setting('LWM2M_OIDC_ISSUER', values.httpUrl, undefined,
    'OpenID provider whose tokens REST takes: its issuer, as it stands in tokens. Without it and LWM2M_API_KEYS_FILE nobody is asked who they are'),
  oidcAudience: setting('LWM2M_OIDC_AUDIENCE', values.text, 'lwm2m', 'Audience that tokens must be meant for'),
  oidcRolesClaim: setting('LWM2M_OIDC_ROLES_CLAIM', values.text, 'roles', 'Claim with the roles of the caller; names with dots between them lead into objects (realm_access.roles)'),
  oidcTenantClaim: setting('LWM2M_OIDC_TENANT_CLAIM', values.text, 'tenant', 'Claim with the tenant at which the roles hold; without it that is "default"'),

  egress: setting('LWM2M_EGRESS', values.oneOf(['owner', 'any']), 'owner',
    'Who may send to a device first: only the worker that last received from it (owner: behind NAT or a Kubernetes Service), or any worker (any: host network or a shared address)'),
  noSec: setting('LWM2M_NOSEC', values.onOff, { edge: 'off', registry: 'off', bootstrap: 'off', firmware: 'off', standalone: 'on' },
    'Whether devices without security may register over plain CoAP'),
  networkIdentity: setting('LWM2M_NETWORK_IDENTITY', values.oneOf(['off', 'known', 'required']), 'off',
    "Whether a device without security has to have the identity that the operator's network knows of its address: never (off), where the network knows one (known), always (required). See docs/protocol.md"),
  networkIdentityFile: setting('LWM2M_NETWORK_IDENTITY_FILE', values.text, undefined,
    'File with the identities of the network, a line each: address or prefix, identity. Read again when it changes'),
  noSecRebind: setting('LWM2M_NOSEC_REBIND', values.oneOf(['accept', 'refuse']), 'accept',
    'What happens to an Update or notification without security that comes from a new address: accepted if its location or token is known, or refused with 4.04 and RST'),
  unknownParameters: setting('LWM2M_UNKNOWN_PARAMETERS', values.oneOf(['keep', 'reject']), 'keep',
    'What happens to a Register or Update with parameters that are not of LwM2M: they are kept with the registration, or answered with 4.00'),
  secretKeyFile: setting('LWM2M_SECRET_KEY_FILE', values.text, undefined,
    'File with the master secrets of the cluster, newest first, a line "id hex" for each (id 0 to 15, 32 bytes at least): they seal credentials and sign what devices carry. Read again when it changes. Unset: standalone makes its own in LWM2M_DATA_DIR; in a cluster there are no credentials and no DTLS'),
  shortPsk: setting('LWM2M_SHORT_PSK', values.onOff, 'off',
    'Whether PSKs of less than 16 bytes may be set, which OMA advises against'),
  sharedPsk: setting('LWM2M_SHARED_PSK', values.onOff, 'off',
    'Whether several devices may have one PSK: for load tests alone'),

  dtlsModes: setting('LWM2M_DTLS_MODES', values.someOf(['psk', 'rpk', 'x509']), 'psk,rpk,x509',
    'How devices may prove who they are in DTLS. rpk and x509 need a key of the server'),
  dtlsCipherSuites: setting('LWM2M_DTLS_CIPHER_SUITES', values.someOf(CIPHER_SUITES.map(({ name }) => name)), CIPHER_SUITES.map(({ name }) => name).join(','),
    'Cipher suites that are served, the most preferred first'),
  dtlsCertificateFiles: setting('LWM2M_DTLS_CERTIFICATE_FILES', values.files, undefined,
    "PEM files with the server's certificates, each with its chain (its own certificate first) and its private key of secp256r1. The name that a device asks for (SNI) chooses; the first serves the others. Read again when they change"),
  dtlsKeyFile: setting('LWM2M_DTLS_KEY_FILE', values.text, undefined,
    "PEM file with the server's private key of secp256r1 for raw public keys. Unset: the key of the first certificate. Read again when it changes"),
  dtlsTrustFiles: setting('LWM2M_DTLS_TRUST_FILES', values.files, undefined,
    'PEM files with the certificates of those who vouch for devices. Read again when they change'),
  dtlsCrlFiles: setting('LWM2M_DTLS_CRL_FILES', values.files, undefined,
    'Files with revocation lists (PEM or DER). Read again when they change'),
  dtlsCrlRequired: setting('LWM2M_DTLS_CRL_REQUIRED', values.onOff, 'off',
    'Whether a certificate is refused whose issuer has no revocation list that is up to date'),
  dtlsUnknownServerName: setting('LWM2M_DTLS_UNKNOWN_SERVER_NAME', values.oneOf(['default', 'refuse']), 'default',
    'What happens to a device that asks for a name that no certificate has: it gets the first certificate, or unrecognized_name (112)'),
  dtlsMaxHandshakes: setting('LWM2M_DTLS_MAX_HANDSHAKES', values.wholeNumber(1, 1_000_000), '5000',
    'Handshakes under way in an edge worker at most'),
  dtlsHandshakeTimeoutS: setting('LWM2M_DTLS_HANDSHAKE_TIMEOUT_S', values.wholeNumber(1, 600), '90',
    'Seconds until a handshake that does not go on is forgotten'),
  dtlsMaxAssociations: setting('LWM2M_DTLS_MAX_ASSOCIATIONS', values.wholeNumber(1, 10_000_000), '500000',
    'DTLS associations that an edge worker keeps in memory'),
  dtlsTicketLifetimeS: setting('LWM2M_DTLS_TICKET_LIFETIME_S', values.wholeNumber(60, 604_800), '604800',
    'Seconds for which a device may resume its session without a new handshake'),
  dtlsHellosPerS: setting('LWM2M_DTLS_HELLOS_PER_S', values.wholeNumber(1, 1_000_000), '10000',
    'ClientHellos a second that an edge worker looks at; a handshake has two. Those beyond are dropped, and their devices repeat them'),
  dtlsSourceHellosPerS: setting('LWM2M_DTLS_SOURCE_HELLOS_PER_S', values.wholeNumber(1, 1_000_000), '2000',
    'The same for one address (IPv6: one /64), which many devices behind a NAT or a load balancer may share'),
  dtlsMaxHandshakeBytes: setting('LWM2M_DTLS_MAX_HANDSHAKE_BYTES', values.wholeNumber(65_536, 1_024 * MEBIBYTE), String(16 * MEBIBYTE),
    'Bytes that an edge worker keeps of unfinished messages of all handshakes together'),
  dtlsMaxTakeovers: setting('LWM2M_DTLS_MAX_TAKEOVERS', values.wholeNumber(1, 1_000_000), '5000',
    'Associations of other workers that are being looked up and taken over at the same time at most'),
  dtlsAddressLookupsPerS: setting('LWM2M_DTLS_ADDRESS_LOOKUPS_PER_S', values.wholeNumber(1, 1_000_000), '2000',
    'Lookups a second of associations without a Connection ID, by the address that a record came from'),
  dtlsPublicKeyThreads: setting('LWM2M_DTLS_PUBLIC_KEY_THREADS', values.wholeNumber(1, 64).optional(), undefined,
    'Threads that compute for handshakes with certificates and raw public keys at the same time (of UV_THREADPOOL_SIZE, 4). Unset: one less than the processor has cores, 3 at most'),
  dtlsPublicKeyWaiting: setting('LWM2M_DTLS_PUBLIC_KEY_WAITING', values.wholeNumber(1, 1_000_000), '1000',
    'New handshakes of this kind that wait for a thread at most. Those beyond end, and their devices begin anew'),
  dtlsIdleS: setting('LWM2M_DTLS_IDLE_S', values.wholeNumber(3_600, 34_560_000), '2592000',
    'Seconds without a message after which a DTLS association is forgotten: the device then shakes hands anew'),
  caCertificateFile: setting('LWM2M_CA_CERTIFICATE_FILE', values.text, undefined,
    'PEM file with the certificate of the authority that issues certificates to devices, then those of its issuers, and, without LWM2M_CA_KEY_FILE, its private key. Read again when it changes. Unset: standalone makes its own in LWM2M_DATA_DIR; in a cluster no certificates are issued'),
  caKeyFile: setting('LWM2M_CA_KEY_FILE', values.text, undefined,
    "PEM file with that authority's private key (EC of P-256, P-384 or P-521, or RSA of at least 2,048 bits; not encrypted). Read again when it changes"),
  caValidityDays: setting('LWM2M_CA_VALIDITY_DAYS', values.wholeNumber(1, 36_500), '365',
    "Days for which a device's certificate is valid; never longer than the authority's own"),
  caRenewalDays: setting('LWM2M_CA_RENEWAL_DAYS', values.wholeNumber(1, 3_650), '30',
    "Days before the end of a device's certificate from which on it counts as due for renewal; a third of LWM2M_CA_VALIDITY_DAYS at most"),
  caRenewalTrigger: setting('LWM2M_CA_RENEWAL_TRIGGER', values.onOff, 'on',
    'Whether a registered device whose certificate is due is asked to bootstrap (Execute of /1/x/9), once a day, until it has another one. Off: it is told of in events alone'),
  estServerKeys: setting('LWM2M_EST_SERVER_KEYS', values.onOff, 'off',
    'Whether devices may have the server make their key pair together with the certificate (EST skg, skc)'),
  dataDir: setting('LWM2M_DATA_DIR', values.text, 'data', 'Directory of the embedded store (standalone)'),
  modelsDir: setting('LWM2M_MODELS_DIR', values.text, undefined, 'Directory of further object definitions (DDF XML), read at start'),
  shortServerId: setting('LWM2M_SHORT_SERVER_ID', values.wholeNumber(1, 65_534).optional(), undefined,
    'Short Server ID that devices know this server by (/1/x/0). Needed only to tell its own Server instance where a device lets it see several'),
  workerId: setting('LWM2M_WORKER_ID', values.text.regex(/^[\w.-]{1,64}$/, 'expected 1 to 64 letters, digits, ".", "_" or "-"'), undefined,
    'Name of this worker, unique among those alive. Unset: drawn at random at each start'),

  firmwareDir: setting('LWM2M_FIRMWARE_DIR', values.text, undefined,
    'Directory with the firmware packages, which the firmware orchestrator and all edges share. Unset: "firmware" in LWM2M_DATA_DIR'),
  firmwareS3Bucket: setting('LWM2M_FIRMWARE_S3_BUCKET', values.text, undefined,
    'Bucket of S3-compatible storage with the firmware packages, in place of LWM2M_FIRMWARE_DIR. Credentials come as the AWS SDK finds them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a file (AWS_SHARED_CREDENTIALS_FILE), or a web identity. Needs GetObject, PutObject, DeleteObject, ListBucket and AbortMultipartUpload'),
  firmwareS3Endpoint: setting('LWM2M_FIRMWARE_S3_ENDPOINT', values.httpUrl, undefined,
    "Address of the S3-compatible storage. Unset: Amazon's of the region"),
  firmwareS3Region: setting('LWM2M_FIRMWARE_S3_REGION', values.text, 'us-east-1', 'Region of the bucket'),
  firmwareUris: setting('LWM2M_FIRMWARE_URIS', values.firmwareUris, undefined,
    'Where devices reach the files of this cluster: one URI for each of coap, coaps (both the device ports of the edges), http and https (REST of the firmware orchestrator). A device is given a scheme that it names in /5/0/8. Unset: standalone on loopback gives its own ports; else packages are only pushed'),
  firmwareKeyFiles: setting('LWM2M_FIRMWARE_KEY_FILES', values.files, undefined,
    'PEM files with the public keys (Ed25519, ECDSA of secp256r1) that signatures of packages are checked with; the name of a file without its ending is the id of its key'),
  firmwareSignature: setting('LWM2M_FIRMWARE_SIGNATURE', values.oneOf(['optional', 'required']), 'optional',
    'Whether every package needs a signature'),
  firmwareCacheBytes: setting('LWM2M_FIRMWARE_CACHE_BYTES', values.wholeNumber(65_536, 16_384 * MEBIBYTE), String(16 * MEBIBYTE),
    'Bytes of packages that an edge, and a firmware orchestrator, keeps in memory for the devices that fetch them'),

  maxTransmitWaitS: setting('LWM2M_MAX_TRANSMIT_WAIT_S', values.wholeNumber(1, 86_400), '93',
    'Seconds from the first sending of a request until it is given up (RFC 7252 §4.8.2), from which ACK_TIMEOUT follows (93 s: 2 s), and for which a queue-mode device listens after its last message'),
  expiryGraceS: setting('LWM2M_EXPIRY_GRACE_S', values.wholeNumber(0, 604_800), '45',
    'Seconds after the lifetime until a registration expires. 45 s is MAX_TRANSMIT_SPAN (RFC 7252 §4.8.2): the last retransmission of an Update that was first sent within the lifetime leaves the device by then'),
  tickMs: setting('LWM2M_TICK_MS', values.wholeNumber(0, 100), '2',
    'Milliseconds for which messages that follow each other closely are gathered: a batch costs little more CPU than one message. The first after a pause does not wait. 0: gathers one turn of the event loop'),
  publishTimeoutMs: setting('LWM2M_PUBLISH_TIMEOUT_MS', values.wholeNumber(1, 60_000), '2000',
    'Milliseconds that an event may take to be acknowledged before the device gets 5.03'),

  kafkaCommands: setting('LWM2M_KAFKA_COMMANDS', values.oneOf(['trusted', 'checked']), 'trusted',
    "Whether each record of lwm2m.commands needs an `authorization` header with a key or token whose grants cover the command (checked), or whoever may write to the topic may give commands (trusted: the broker's ACLs guard it)"),
  eventEncoding: setting('LWM2M_EVENT_ENCODING', values.oneOf(['json', 'cbor']), 'json', 'Encoding of event values'),
  eventPayload: setting('LWM2M_EVENT_PAYLOAD', values.onOff, 'off',
    "Whether the event of a notification or Send carries the device's raw payload beside its values"),

  maxBodyBytes: setting('LWM2M_MAX_BODY_BYTES', values.wholeNumber(1_024, 256 * MEBIBYTE), String(MEBIBYTE),
    'Bytes of the largest body taken from a device (block-wise) or from REST'),
  cacheSessions: setting('LWM2M_CACHE_SESSIONS', values.wholeNumber(1, 10_000_000), '100000', 'Sessions that an edge worker keeps in memory'),
  maxExchanges: setting('LWM2M_MAX_EXCHANGES', values.wholeNumber(1, 100_000), '10000',
    'Devices that a worker sends requests to at the same time. Devices and tenants take turns; one tenant has three quarters of the places at most'),
  queueMaxEntries: setting('LWM2M_QUEUE_MAX_ENTRIES', values.wholeNumber(1, 100_000), '100', 'Commands that wait for one device at most; ended ones do not count'),
  queueMaxBytes: setting('LWM2M_QUEUE_MAX_BYTES', values.wholeNumber(1_024, 256 * MEBIBYTE), String(MEBIBYTE), 'Bytes of the commands that wait for one device at most'),
  tenantQueueMaxEntries: setting('LWM2M_TENANT_QUEUE_MAX_ENTRIES', values.wholeNumber(1, 100_000_000), '1000000',
    'Commands that wait for all devices of one tenant at most'),
  tenantQueueMaxBytes: setting('LWM2M_TENANT_QUEUE_MAX_BYTES', values.wholeNumber(1_024, 1_024 * 1_024 * MEBIBYTE), String(1_024 * MEBIBYTE),
    'Bytes of the commands that wait for all devices of one tenant at most'),
  tenantCommandsPerS: setting('LWM2M_TENANT_COMMANDS_PER_S', values.wholeNumber(0, 1_000_000), '0',
    'Commands that each registry takes for one tenant in a second, from REST and Kafka together. 0: as they come'),
  maxObservations: setting('LWM2M_MAX_OBSERVATIONS', values.wholeNumber(1, 10_000), '100', 'Observations of one device at most'),

  reconcilePerS: setting('LWM2M_RECONCILE_PER_S', values.wholeNumber(1, 100_000), '500',
    'Requests a second by which one edge worker brings devices to what should be observed there, so that a mass restart or a new template makes no storm. Commands are not held up'),

  logLevel: setting('LWM2M_LOG_LEVEL', values.oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), 'info', 'Least level that is logged'),
} as const;

export type Settings = typeof settings;
