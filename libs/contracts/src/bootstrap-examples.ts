/** Examples of bootstrap configurations. A test holds each against its schema. */
import type {
  BootstrapConfiguration, BootstrapConfigurationList, BootstrapConfigurationView, BootstrapPreview, EndpointBootstrap, EndpointBootstrapView,
} from './bootstrap.ts';

const uri = 'coaps://lwm2m.example.com:5684';
const at = { revision: 4, updatedAt: '2026-03-01T09:00:00.000Z' } as const;

const meters: BootstrapConfiguration = {
  description: 'meters of hall 7',
  accounts: [{ role: 'management', uri, shortServerId: 1, lifetimeS: 86_400, binding: 'U', security: { mode: 'psk', from: 'make' } }],
  readBack: ['/1'],
  assign: { groups: ['meters-hall-7'], priority: 10 },
};

const certificates: BootstrapConfiguration = {
  accounts: [
    { role: 'bootstrap', uri: 'coaps://bootstrap.example.com:5784', security: { mode: 'psk', from: 'make' }, securityResources: [{ id: 11, value: 30 }] },
    { role: 'management', uri, shortServerId: 1, security: { mode: 'est', usage: 3, sni: 'lwm2m.example.com' } },
    {
      role: 'management', uri: 'coaps://other.example.org', shortServerId: 2, elsewhere: true,
      security: { mode: 'psk', from: { identity: 'meter-7', keyHex: '00112233445566778899aabbccddeeff' } },
    },
  ],
  accessControl: [{ object: 3303, instance: 0, owner: 1, acl: { 1: 31, 2: 1 } }],
  objects: [{ path: '/11/0', resources: [{ id: 0, value: 'home' }, { id: 1, value: 'iot.example' }, { id: 4, value: 3 }] }],
  delete: 'all-but-bootstrap',
  keep: ['/11/1'],
  policy: { sessions: 10, windowS: 3_600, quarantineS: 1_800 },
  assign: { default: true },
};

const { assign, ...document } = meters;
const view: BootstrapConfigurationView = { name: 'meters', ...at, configuration: { ...meters } };
const list: BootstrapConfigurationList = [{ name: 'meters', ...at, ...(assign === undefined ? {} : { assign }) }];
const assigned: EndpointBootstrap = { configuration: 'meters' };
const own: EndpointBootstrap = { document };
const ownView: EndpointBootstrapView = { ...at, configuration: 'meters' };

const preview: BootstrapPreview = {
  configuration: 'meters', revision: 4, source: 'group',
  writes: [
    {
      path: '/0/1',
      resources: [
        { id: 0, type: 'string', name: 'LWM2M Server URI', value: uri },
        { id: 2, type: 'integer', name: 'Security Mode', value: 0 },
        { id: 3, type: 'opaque', name: 'Public Key or Identity' },
        { id: 5, type: 'opaque', name: 'Secret Key', secret: true },
      ],
    },
    { path: '/1/0', resources: [{ id: 0, type: 'integer', name: 'Short Server ID', value: 1 }, { id: 1, type: 'integer', name: 'Lifetime', value: 86_400 }] },
  ],
  deletes: ['/0', '/1'], keep: [], discoverFirst: true, readBack: ['/1'],
};

export const bootstrapExamples = { configurations: { meters, certificates }, view, list, endpoint: { assigned, own }, ownView, preview } as const;
