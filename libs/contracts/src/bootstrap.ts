/** Bootstrap configurations: what devices are to have after their bootstrap, as operators write it. */
import { z } from 'zod';
import { tenantName } from './access.ts';
import { hexBytes, keyHex, pskIdentity } from './credentials.ts';
import { groupName } from './fleet.ts';
import { jsonValue, valueType } from './values.ts';

export const bootstrapConfigurationName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 letters, digits, ".", "_" or "-"');

const id = z.number().int().min(0).max(65_534);
const shortServerId = z.number().int().min(1).max(65_534);
const seconds = z.number().int().min(0).max(2_147_483_647);
const objectOrInstance = z.string().regex(/^\/(0|[1-9]\d{0,4})(\/(0|[1-9]\d{0,4}))?$/, 'expected /object or /object/instance');
const der = (what: string) => z.base64().min(1).max(8_192).describe(`${what}, DER in base64`);
const serverCertificateBase64 = der('what goes to /0/x/4, if it is not to be a certificate of this server').optional();

/** OMA LwM2M registry, object 0, resource 15. */
const usage = z.number().int().min(0).max(3).optional()
  .describe('Certificate Usage (/0/x/15): 0 CA constraint, 1 service certificate constraint, 2 trust anchor assertion, 3 domain-issued certificate, which is what clients take it for where it is unset');
const sni = z.string().min(1).max(255).optional().describe('SNI (/0/x/14): the name that the client asks the server for; from LwM2M 1.1 on');

const made = z.literal('make').describe('the server makes a new one for each device');
const given = z.literal('given').describe('the one that was set over /endpoints/{endpoint}/credentials');

export const bootstrapSecurity = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('nosec') }),
  z.strictObject({
    mode: z.literal('psk'),
    from: z.union([made, given, z.strictObject({ identity: pskIdentity, keyHex })]),
    keyBytes: z.number().int().min(16).max(64).optional().describe('length of a key that is made; 32 unless told'),
  }),
  z.strictObject({
    mode: z.literal('rpk'),
    from: z.union([made, given.describe('the device keeps the key pair that it has: /0/x/3 and /0/x/5 are empty'), z.strictObject({ publicKeyBase64: der('SubjectPublicKeyInfo'), privateKeyBase64: der('PKCS#8') })]),
    serverPublicKeyBase64: der('SubjectPublicKeyInfo of the server, if it is not this one').optional(),
  }),
  z.strictObject({
    mode: z.literal('x509'),
    from: z.union([made, given.describe('the device keeps the certificate and key that it has: /0/x/3 and /0/x/5 are empty'), z.strictObject({ certificateBase64: der('the certificate'), privateKeyBase64: der('PKCS#8') })]),
    serverCertificateBase64, usage, sni,
  }),
  z.strictObject({ mode: z.literal('est'), serverCertificateBase64, usage, sni }),
]);
export type BootstrapSecurity = z.infer<typeof bootstrapSecurity>;

const oscoreId = hexBytes(0, 7);
export const bootstrapOscore = z.strictObject({
  from: z.union([made, given, z.strictObject({
    masterSecretHex: hexBytes(16, 64), saltHex: hexBytes(0, 64).optional(),
    senderIdHex: oscoreId.describe("the server's sender id: the device's recipient id"), recipientIdHex: oscoreId,
  })]),
  instance: id.optional().describe('instance of object 21; that of the account unless told'),
  aead: z.number().int().optional().describe('/21/x/3, from the COSE registry; 10 (AES-CCM-16-64-128) where it is unset'),
  hmac: z.number().int().optional().describe('/21/x/4, from the COSE registry; -10 (HKDF SHA-256) where it is unset'),
});

export const bootstrapResource = z.strictObject({
  id,
  instance: id.optional().describe('of a multiple resource'),
  value: jsonValue,
  type: valueType.optional().describe('only where the object model does not know the resource'),
});
export type BootstrapResource = z.infer<typeof bootstrapResource>;
const resources = z.array(bootstrapResource).max(200);

/** One Security object instance and, for management, one Server object instance. */
export const bootstrapAccount = z.strictObject({
  role: z.enum(['bootstrap', 'management']),
  uri: z.string().max(255).regex(/^coaps?(\+tcp)?:\/\/[^/?#\s]+$/, 'expected e.g. coaps://lwm2m.example.com:5684, without a path')
    .describe('LwM2M Server URI (/0/x/0)'),
  security: bootstrapSecurity,
  oscore: bootstrapOscore.optional(),
  elsewhere: z.literal(true).optional().describe('a server that is not of this cluster: what its credentials open is not stored here'),
  shortServerId: shortServerId.optional().describe('management: /0/x/10 and /1/y/0'),
  lifetimeS: seconds.optional().describe('management: /1/y/1; 86400 unless told'),
  binding: z.string().regex(/^(?=[A-Z])(?!.*(.).*\1)U?M?H?T?S?N?Q?$/, 'expected letters of U, M, H, T, S, N, Q, each once').optional().describe('management: /1/y/7; U unless told'),
  storeNotifications: z.boolean().optional().describe('management: /1/y/6; true unless told'),
  muteSend: z.boolean().optional().describe('management, from LwM2M 1.1 on: /1/y/23; false unless told, since a client without it does not send'),
  securityInstance: id.optional().describe('instance of object 0; 1, 2, … for management, that of the present bootstrap account for bootstrap'),
  serverInstance: id.optional().describe('instance of object 1; 0, 1, … unless told'),
  securityResources: resources.optional().describe('further resources of object 0'),
  serverResources: resources.optional().describe('further resources of object 1'),
});
export type BootstrapAccount = z.infer<typeof bootstrapAccount>;

/** OMA LwM2M Core 1.1 §6.3.2, object 2. */
export const accessRight = z.strictObject({
  object: z.number().int().min(1).max(65_534),
  instance: z.number().int().min(0).max(65_535).describe('65535: who may create instances'),
  owner: z.number().int().min(0).max(65_535).describe('short server id; 65535: the bootstrap server'),
  acl: z.record(z.string().regex(/^(0|[1-9]\d{0,4})$/, 'expected a short server id, or 0 for all others'), z.number().int().min(0).max(31)).optional()
    .describe('rights by short server id, as a sum: 1 read, observe, discover, write-attributes; 2 write; 4 execute; 8 delete; 16 create'),
  accessInstance: id.optional().describe('instance of object 2; 0, 1, … unless told'),
});

export const bootstrapPolicy = z.strictObject({
  sessions: z.number().int().min(1).max(1_000).optional().describe('sessions that a device may have within `windowS`; 20 unless told. One that comes more often is put in quarantine'),
  windowS: z.number().int().min(60).max(86_400).optional().describe('3600 unless told'),
  quarantineS: z.number().int().min(1).max(86_400).optional().describe('how long it is refused; twice as long each further time, a day at most; 600 unless told'),
});

export const bootstrapDocument = z.strictObject({
  description: z.string().max(1_000).optional(),
  accounts: z.array(bootstrapAccount).min(1).max(16),
  accessControl: z.array(accessRight).max(100).optional().describe('instances of object 2'),
  objects: z.array(z.strictObject({
    path: z.string().regex(/^\/(0|[1-9]\d{0,4})\/(0|[1-9]\d{0,4})$/, 'expected /object/instance'),
    resources,
    version: z.string().regex(/^\d{1,5}\.\d{1,5}$/, 'expected major.minor').optional().describe('of the object, if not that of the LwM2M version'),
  })).max(200).optional().describe('instances of any other object'),
  delete: z.union([z.literal('all-but-bootstrap'), z.array(objectOrInstance).max(100)]).optional()
    .describe('what is deleted before anything is written; unless told objects 0 and 1, and of 2 and 21 where the document has them. The bootstrap account always stays'),
  keep: z.array(objectOrInstance).max(100).optional().describe('is not deleted, though `delete` covers it'),
  discoverFirst: z.boolean().optional().describe('asks what the device has before anything is deleted; true unless told. Without it the bootstrap account is taken to be /0/0'),
  readBack: z.array(z.string().regex(/^\/[12](\/(0|[1-9]\d{0,4}))?$/, 'expected /1 or /2, or an instance of them')).max(20).optional()
    .describe('read before the session is finished, from LwM2M 1.1 on, and kept in its record'),
  policy: bootstrapPolicy.optional(),
});
export type BootstrapDocument = z.infer<typeof bootstrapDocument>;

/** To whom a configuration goes that is no single device's. */
export const bootstrapAssignment = z.strictObject({
  default: z.literal(true).optional().describe('every device that no other configuration is assigned to'),
  groups: z.array(groupName).max(50).optional().describe('devices that one of these groups selects'),
  priority: z.number().int().min(0).max(1_000).optional().describe('decides between configurations for the same device; 0 unless told, the greater wins, then the name that comes first'),
  unknownEndpoints: z.literal(true).optional()
    .describe('default: also endpoints of which nothing is known, and which prove nothing. For labs: whoever comes gets an account, and is remembered. Not in a configuration of another tenant than `default`, whose such endpoints are'),
});

export const bootstrapConfiguration = bootstrapDocument.extend({ assign: bootstrapAssignment.optional() });
export type BootstrapConfiguration = z.infer<typeof bootstrapConfiguration>;

const revision = z.number().int().min(1).describe('counts the changes');
export const bootstrapConfigurationView = z.object({
  name: z.string(),
  tenant: tenantName.optional().describe('whose it is, where a provisioner of one tenant wrote it: it is for the devices of that tenant alone'),
  revision, updatedAt: z.string(),
  configuration: z.looseObject({}).describe('as it was set; ******** stands for each secret'),
});
export type BootstrapConfigurationView = z.infer<typeof bootstrapConfigurationView>;
export const bootstrapConfigurationList = z.array(bootstrapConfigurationView.omit({ configuration: true }).extend({ assign: bootstrapAssignment.optional() }))
  .describe('in order of their names');
export type BootstrapConfigurationList = z.infer<typeof bootstrapConfigurationList>;

/** What one endpoint gets, whatever its groups say. */
export const endpointBootstrap = z.strictObject({
  configuration: bootstrapConfigurationName.optional().describe('a configuration by its name'),
  document: bootstrapDocument.optional().describe('a document of its own'),
}).refine(({ configuration, document }) => (configuration === undefined) !== (document === undefined), 'expected either configuration or document');
export type EndpointBootstrap = z.infer<typeof endpointBootstrap>;

export const endpointBootstrapView = z.object({
  revision, updatedAt: z.string(),
  configuration: z.string().optional(),
  document: z.looseObject({}).optional().describe('******** stands for each secret'),
});
export type EndpointBootstrapView = z.infer<typeof endpointBootstrapView>;

export const bootstrapPreview = z.object({
  configuration: z.string().describe('the name; `own` for a document of its own'),
  revision,
  source: z.enum(['own', 'assigned', 'group', 'default']).describe('why it is this one'),
  writes: z.array(z.object({
    path: z.string(),
    resources: z.array(z.object({
      id: z.number().int(), instance: z.number().int().optional(), name: z.string().optional(), type: valueType,
      value: jsonValue.optional().describe('unset where it is secret'),
      secret: z.literal(true).optional(),
    })),
  })).describe('in the order in which they are written'),
  deletes: z.union([z.literal('all-but-bootstrap'), z.array(z.string())]),
  keep: z.array(z.string()),
  discoverFirst: z.boolean(),
  readBack: z.array(z.string()),
  quarantinedUntil: z.string().optional().describe('the device came too often, and is refused until then'),
});
export type BootstrapPreview = z.infer<typeof bootstrapPreview>;

export const bootstrapPreviewQuery = z.strictObject({
  lwm2m: z.enum(['1.0', '1.1', '1.2']).default('1.1').describe("the client's LwM2M version"),
});
export type BootstrapPreviewQuery = z.infer<typeof bootstrapPreviewQuery>;
