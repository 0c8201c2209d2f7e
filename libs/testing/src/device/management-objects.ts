/** Objects that operators manage devices by, beside those that every simulated device has. From the OMA registry's definitions. */
import { resource, type ObjectSpec } from './objects.ts';

const values = (...all: (string | number)[]): ReadonlyMap<number, string | number> => new Map(all.map((value, id) => [id, value]));

/** Object 2: who may do what. */
export const accessControlObject: ObjectSpec = {
  id: 2, name: 'LwM2M Access Control', version: '1.1', multiple: true,
  resources: [
    resource(0, 'Object ID', 'R', 'integer', 3, { mandatory: true }),
    resource(1, 'Object Instance ID', 'R', 'integer', 0, { mandatory: true }),
    resource(2, 'ACL', 'RW', 'integer', new Map([[123, 15]])),
    resource(3, 'Access Control Owner', 'RW', 'integer', 123, { mandatory: true }),
  ],
};

/** Object 8. */
export const lockAndWipeObject: ObjectSpec = {
  id: 8, name: 'Lock and Wipe', multiple: false,
  resources: [
    resource(0, 'State', 'RW', 'integer', 0, { mandatory: true }),
    resource(1, 'Lock target', 'W', 'string', undefined, { multiple: true, mandatory: true }),
    resource(2, 'Wipe item', 'R', 'string', values('contacts', 'photos')),
    resource(3, 'Wipe', 'E', 'none', undefined, { mandatory: true }),
    resource(4, 'Wipe target', 'W', 'string', undefined, { multiple: true, mandatory: true }),
    resource(5, 'Lock or Wipe Operation Result', 'R', 'integer', 0, { mandatory: true }),
  ],
};

/** Object 9. */
export const softwareObject: ObjectSpec = {
  id: 9, name: 'LwM2M Software Management', multiple: true,
  resources: [
    resource(0, 'PkgName', 'R', 'string', 'app', { mandatory: true }),
    resource(1, 'PkgVersion', 'R', 'string', '1.0', { mandatory: true }),
    resource(2, 'Package', 'W', 'opaque'),
    resource(3, 'Package URI', 'W', 'string'),
    resource(4, 'Install', 'E', 'none', undefined, { mandatory: true }),
    resource(6, 'Uninstall', 'E', 'none', undefined, { mandatory: true }),
    resource(7, 'Update State', 'R', 'integer', 0, { mandatory: true }),
    resource(8, 'Update Supported Objects', 'RW', 'boolean', false),
    resource(9, 'Update Result', 'R', 'integer', 0, { mandatory: true }),
    resource(10, 'Activate', 'E', 'none', undefined, { mandatory: true }),
    resource(11, 'Deactivate', 'E', 'none', undefined, { mandatory: true }),
    resource(12, 'Activation State', 'R', 'boolean', false, { mandatory: true }),
  ],
};

/** Object 10 with its timers as TS 24.008 writes them. */
export const cellularObject: ObjectSpec = {
  id: 10, name: 'LwM2M Cellular Connectivity', version: '1.1', multiple: false,
  resources: [
    resource(0, 'SMSC address', 'RW', 'string', '+33612345678'),
    resource(1, 'Disable radio period', 'RW', 'integer', 0),
    resource(4, 'PSM Timer', 'RW', 'integer', 3_600, { unit: 's' }),
    resource(5, 'Active Timer', 'RW', 'integer', 20, { unit: 's' }),
    resource(8, 'eDRX parameters for WB-S1 mode', 'RW', 'opaque', Uint8Array.of(0x0d)),
    resource(9, 'eDRX parameters for NB-S1 mode', 'RW', 'opaque', Uint8Array.of(0x03)),
    resource(11, 'Activated Profile Names', 'R', 'objlnk', new Map([[0, { object: 11, instance: 0 }]]), { mandatory: true }),
    resource(12, 'Supported Power Saving Modes', 'R', 'unsigned', 3),
    resource(13, 'Active Power Saving Modes', 'RW', 'unsigned', 1),
  ],
};

/** Object 11 with the counters of its connection. */
export const apnObject: ObjectSpec = {
  id: 11, name: 'LwM2M APN Connection Profile', version: '1.1', multiple: true,
  resources: [
    resource(0, 'Profile name', 'RW', 'string', 'default', { mandatory: true }),
    resource(1, 'APN', 'RW', 'string', 'internet'),
    resource(3, 'Enable status', 'RW', 'boolean', true),
    resource(4, 'Authentication Type', 'RW', 'integer', 3, { mandatory: true }),
    resource(6, 'Secret', 'RW', 'string', ''),
    resource(9, 'Connection establishment time', 'R', 'time', new Map([[0, 1_700_000_000]])),
    resource(10, 'Connection establishment result', 'R', 'integer', values(0)),
    resource(13, 'TotalBytesSent', 'R', 'integer', 1_000),
    resource(14, 'TotalBytesReceived', 'R', 'integer', 2_000),
  ],
};

/** Object 12. */
export const wlanObject: ObjectSpec = {
  id: 12, name: 'WLAN connectivity', version: '1.1', multiple: true,
  resources: [
    resource(0, 'Interface name', 'RW', 'string', 'wlan0', { mandatory: true }),
    resource(1, 'Enable', 'RW', 'boolean', true, { mandatory: true }),
    resource(3, 'Status', 'R', 'integer', 1, { mandatory: true }),
    resource(4, 'BSSID', 'R', 'string', '02:00:00:00:00:01', { mandatory: true }),
    resource(5, 'SSID', 'RW', 'string', 'home', { mandatory: true }),
    resource(8, 'Mode', 'RW', 'integer', 1, { mandatory: true }),
    resource(9, 'Channel', 'RW', 'integer', 6, { mandatory: true }),
    resource(14, 'Standard', 'RW', 'integer', 3, { mandatory: true }),
    resource(15, 'Authentication Mode', 'RW', 'integer', 1, { mandatory: true }),
    resource(18, 'WPA Key Phrase', 'W', 'string'),
  ],
};

/** Object 3311. */
export const lightObject: ObjectSpec = {
  id: 3311, name: 'Light Control', multiple: true,
  resources: [
    resource(5850, 'On/Off', 'RW', 'boolean', false, { mandatory: true }),
    resource(5851, 'Dimmer', 'RW', 'integer', 0),
    resource(5852, 'On time', 'RW', 'integer', 0, { unit: 's' }),
  ],
};

/** Object 4 of a cellular device. */
export const cellObject: ObjectSpec = {
  id: 4, name: 'Connectivity Monitoring', multiple: false,
  resources: [
    resource(0, 'Network Bearer', 'R', 'integer', 6, { mandatory: true }),
    resource(1, 'Available Network Bearer', 'R', 'integer', values(6, 7), { mandatory: true }),
    resource(2, 'Radio Signal Strength', 'R', 'integer', -92, { mandatory: true, unit: 'dBm' }),
    resource(4, 'IP Addresses', 'R', 'string', values('192.0.2.7'), { mandatory: true }),
    resource(8, 'Cell ID', 'R', 'integer', 12_345),
    resource(9, 'SMNC', 'R', 'integer', 1),
    resource(10, 'SMCC', 'R', 'integer', 262),
  ],
};
