/** Examples of REST bodies. A test holds each against its schema. */
import type { AdviceView } from './advice.ts';
import type { CommandRequest, CommandStatus } from './commands.ts';
import type { CredentialsRequest, CredentialView } from './credentials.ts';
import type { DesiredObservation, EndpointPage, EndpointView, LastValue, ObservationView } from './endpoints.ts';
import type { DeviceSettings, Labels } from './profile.ts';
import type { ObservationTemplate, ObservationTemplateView } from './observation-templates.ts';

const observations: ObservationView[] = [
  { path: '/3303/0/5700', attributes: { pmin: 10, pmax: 300 }, state: 'active' },
  { path: '/4/0/2', state: 'refused', code: '4.05', from: 'template:meters' },
];

const labels: Labels = { site: 'hall-7', kind: 'street-light' };
const settings: DeviceSettings = { ackTimeoutMs: 10_000, maxRetransmit: 0, maxTransmitWaitS: 30, maxBytesPerDay: 50_000 };

const endpoint: EndpointView = {
  endpoint: 'urn:imei:350457790000000',
  tenant: 'default',
  registrationId: 'Zk3pQ0aVdT8hWm1c',
  registeredAt: '2026-03-01T08:00:00.000Z',
  updatedAt: '2026-03-01T09:00:00.000Z',
  lifetimeS: 86_400,
  lwm2mVersion: '1.1',
  binding: 'U',
  queueMode: true,
  address: 'udp:192.0.2.7:40123',
  rootPath: '/',
  objectLinks: [{ path: '/1/0' }, { path: '/3/0' }, { path: '/3303/0', version: '1.1' }],
  contentFormats: [112, 110],
  attributes: {},
  state: 'registered',
  generation: 3,
  expiresAt: '2026-03-02T09:00:00.000Z',
  owner: 'edge-1',
  presence: { state: 'asleep', awakeUntil: '2026-03-01T09:01:33.000Z', lastHeard: '2026-03-01T09:00:00.000Z' },
  queuedCommands: 1,
  observations,
  labels,
  settings,
};

const read: CommandRequest = { op: 'read', path: '/3/0/9', ttlS: 3_600, idempotencyKey: 'battery-2026-03-01' };
const write: CommandRequest = { op: 'write', path: '/1/0/1', value: 3_600 };
const writeComposite: CommandRequest = {
  op: 'write-composite',
  values: [{ path: '/1/0/1', value: 3_600 }, { path: '/3303/0/5750', value: 'boiler room', type: 'string' }],
};
const reboot: CommandRequest = { op: 'execute', path: '/3/0/4', repeatable: false, priority: 9 };

const queued: CommandStatus = {
  id: 'f2b0c9d4e1',
  op: 'read',
  path: '/3/0/9',
  state: 'queued',
  attempts: 0,
  acceptedAt: '2026-03-01T09:00:00.000Z',
  waitsFor: 'device-message',
};

const { waitsFor: _, ...accepted } = queued;
const done: CommandStatus = {
  ...accepted,
  state: 'done',
  attempts: 1,
  finishedAt: '2026-03-01T09:00:01.000Z',
  response: {
    code: '2.05',
    contentFormat: 112,
    payloadBase64: 'gaIhZi8zLzAvOQIYXw==',
    values: [{ path: '/3/0/9', value: 95, type: 'integer', unit: '/100' }],
    rttMs: 180,
  },
};

const page: EndpointPage = {
  endpoints: [{ endpoint: endpoint.endpoint, state: 'registered', presence: 'asleep', changedAt: '2026-03-01T09:00:00.000Z', tenant: 'default', labels }],
  next: 'dXJuOmltZWk6MzUwNDU3NzkwMDAwMDAw',
};

const values: LastValue[] = [
  {
    path: '/3303/0/5700',
    value: 21.5,
    type: 'float',
    unit: 'Cel',
    time: 1_772_355_600,
    receivedAt: '2026-03-01T09:00:00.200Z',
    source: 'notification',
  },
];

const desired: DesiredObservation[] = [
  { path: '/3303/0/5700', attributes: { pmin: 10, pmax: 300 } },
  { paths: ['/3/0/9', '/4/0/2'], accept: 112 },
];

const template: ObservationTemplate = {
  match: { endpointPattern: 'urn:imei:*', object: '/3303' },
  observations: [{ path: '/3303/*/5700', attributes: { pmin: 10, pmax: 300 } }, { path: '/4/0/2' }],
  priority: 10,
};
const templateView: ObservationTemplateView = { name: 'meters', ...template };

const credentials: CredentialView[] = [
  { version: 1, kind: 'psk', state: 'former', createdAt: '2026-03-01T08:00:00.000Z', validUntil: '2026-03-02T08:00:00.000Z', identity: 'dev-1' },
  { version: 2, kind: 'psk', state: 'current', createdAt: '2026-03-01T09:00:00.000Z', identity: 'dev-1.2' },
];

const credentialRequests: Record<string, CredentialsRequest> = {
  psk: { psk: { identity: 'dev-1.2', keyHex: '00112233445566778899aabbccddeeff' }, overlapS: 86_400 },
  rpk: {
    rpk: {
      spkiBase64:
        'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==',
    },
  },
  certificate: { x509: { sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' } },
  issuedCertificate: { x509: { issuer: 'CN=Example Devices,O=Example', subject: 'CN=dev-1,O=Example' } },
  oscore: { oscore: { masterSecretHex: '0102030405060708090a0b0c0d0e0f10', saltHex: '9e7ca92223786340', senderIdHex: '01', recipientIdHex: '02' } },
};

const advice: AdviceView = {
  periods: { lifetimeS: 86_400, psmTimerS: 43_200, edrxS: 81.92, observations: [{ paths: ['/3303/0/5700'], pmin: 10, pmax: 300 }] },
  findings: [{
    code: 'LIFETIME_NOT_BELOW_PSM_TIMER', paths: ['/1/0/1', '/10/0/4'],
    message: 'the lifetime (86400 s) is not below the PSM timer (43200 s): the device wakes for the network alone',
  }],
};

export const restExamples = {
  advice,
  credentials,
  credentialRequests,
  page,
  endpoint,
  commands: { read, write, writeComposite, reboot },
  queued,
  done,
  values,
  desired,
  observations,
  labels,
  settings,
  template,
  templateView,
  eventStream:
    'retry: 2000\n\nid: AQABAAc\nevent: lwm2m.notification\ndata: {"id":"6QmU…","type":"lwm2m.notification",' +
    '"time":"2026-03-01T09:00:00.000Z","endpoint":"urn:imei:350457790000000","data":{"paths":["/3303/0/5700"],"values":[]}}\n\n',
} as const;
