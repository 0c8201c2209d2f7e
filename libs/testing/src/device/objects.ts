/** The objects of a simulated device and their first values: 1, 3, 4, 5, 7, 16 and 3303. */
import type { ResourceDefinition, Value } from '@cluster/lwm2m';

/** A resource with its first value; a map holds resource instances; without a value it is absent until written. */
export interface ResourceSpec extends ResourceDefinition {
  readonly value?: Value | ReadonlyMap<number, Value>;
}

/** An object as a device has it. */
export interface ObjectSpec {
  readonly id: number;
  readonly name: string;
  /** Object version, as the registration tells it. Core objects go without: theirs follows from the enabler's version. */
  readonly version?: string;
  /** Whether the server may create and delete instances. */
  readonly multiple: boolean;
  /** Instances that exist at the start, each with the resources' first values; `[0]` unless told. */
  readonly instances?: readonly number[];
  readonly resources: readonly ResourceSpec[];
}

type Traits = Partial<Pick<ResourceSpec, 'multiple' | 'mandatory' | 'unit'>>;

/** A resource in one line. */
export function resource(
  id: number,
  name: string,
  operations: ResourceSpec['operations'],
  type: ResourceSpec['type'],
  value?: ResourceSpec['value'],
  traits: Traits = {},
): ResourceSpec {
  const base = { id, name, operations, type, multiple: value instanceof Map, mandatory: false, ...traits };
  return value === undefined ? base : { ...base, value };
}

const list = (...values: Value[]): ReadonlyMap<number, Value> => new Map(values.map((value, id) => [id, value]));

/** Object 1 of the device's one server account. */
function serverObject(lifetimeS: number, binding: string): ObjectSpec {
  return {
    id: 1, name: 'LwM2M Server', multiple: true,
    resources: [
      resource(0, 'Short Server ID', 'R', 'integer', 123, { mandatory: true }),
      resource(1, 'Lifetime', 'RW', 'integer', lifetimeS, { mandatory: true, unit: 's' }),
      resource(2, 'Default Minimum Period', 'RW', 'integer', undefined, { unit: 's' }),
      resource(3, 'Default Maximum Period', 'RW', 'integer', undefined, { unit: 's' }),
      resource(4, 'Disable', 'E', 'none'),
      resource(5, 'Disable Timeout', 'RW', 'integer', 86_400, { unit: 's' }),
      resource(6, 'Notification Storing', 'RW', 'boolean', true, { mandatory: true }),
      resource(7, 'Binding', 'RW', 'string', binding, { mandatory: true }),
      resource(8, 'Registration Update Trigger', 'E', 'none', undefined, { mandatory: true }),
      resource(22, 'Preferred Transport', 'RW', 'string', 'U'),
      resource(23, 'Mute Send', 'RW', 'boolean', false),
    ],
  };
}

/** Object 3. */
const deviceObject: ObjectSpec = {
  id: 3, name: 'Device', multiple: false,
  resources: [
    resource(0, 'Manufacturer', 'R', 'string', 'Open Mobile Alliance'),
    resource(1, 'Model Number', 'R', 'string', 'Lightweight M2M Client'),
    resource(2, 'Serial Number', 'R', 'string', '345000123'),
    resource(3, 'Firmware Version', 'R', 'string', '1.0'),
    resource(4, 'Reboot', 'E', 'none', undefined, { mandatory: true }),
    resource(5, 'Factory Reset', 'E', 'none'),
    resource(6, 'Available Power Sources', 'R', 'integer', list(1, 5)),
    resource(7, 'Power Source Voltage', 'R', 'integer', list(3_800, 5_000), { unit: 'mV' }),
    resource(8, 'Power Source Current', 'R', 'integer', list(125, 900), { unit: 'mA' }),
    resource(9, 'Battery Level', 'R', 'integer', 100, { unit: '/100' }),
    resource(10, 'Memory Free', 'R', 'integer', 15, { unit: 'kB' }),
    resource(11, 'Error Code', 'R', 'integer', list(0), { mandatory: true }),
    resource(12, 'Reset Error Code', 'E', 'none'),
    resource(13, 'Current Time', 'RW', 'time', 1_367_491_215),
    resource(14, 'UTC Offset', 'RW', 'string', '+02:00'),
    resource(15, 'Timezone', 'RW', 'string', 'Europe/Paris'),
    resource(16, 'Supported Binding and Modes', 'R', 'string', 'U', { mandatory: true }),
  ],
};

/** Object 4. */
const connectivityObject: ObjectSpec = {
  id: 4, name: 'Connectivity Monitoring', multiple: false,
  resources: [
    resource(0, 'Network Bearer', 'R', 'integer', 0, { mandatory: true }),
    resource(1, 'Available Network Bearer', 'R', 'integer', list(0), { mandatory: true }),
    resource(2, 'Radio Signal Strength', 'R', 'integer', -92, { mandatory: true, unit: 'dBm' }),
    resource(3, 'Link Quality', 'R', 'integer', 2),
    resource(4, 'IP Addresses', 'R', 'string', list('192.168.0.100'), { mandatory: true }),
    resource(5, 'Router IP Addresses', 'R', 'string', list('192.168.1.1')),
    resource(6, 'Link Utilization', 'R', 'integer', 5, { unit: '/100' }),
    resource(7, 'APN', 'R', 'string', list('internet')),
  ],
};

/** Object 5. */
const firmwareObject: ObjectSpec = {
  id: 5, name: 'Firmware Update', multiple: false,
  resources: [
    resource(0, 'Package', 'W', 'opaque', undefined, { mandatory: true }),
    resource(1, 'Package URI', 'RW', 'string', '', { mandatory: true }),
    resource(2, 'Update', 'E', 'none', undefined, { mandatory: true }),
    resource(3, 'State', 'R', 'integer', 0, { mandatory: true }),
    resource(5, 'Update Result', 'R', 'integer', 0, { mandatory: true }),
    resource(6, 'PkgName', 'R', 'string', ''),
    resource(7, 'PkgVersion', 'R', 'string', ''),
    resource(8, 'Firmware Update Protocol Support', 'R', 'integer', list(0)),
    resource(9, 'Firmware Update Delivery Method', 'R', 'integer', 2, { mandatory: true }),
  ],
};

/** Object 7. */
const statisticsObject: ObjectSpec = {
  id: 7, name: 'Connectivity Statistics', multiple: false,
  resources: [
    resource(2, 'Tx Data', 'R', 'integer', 0, { unit: 'kB' }),
    resource(3, 'Rx Data', 'R', 'integer', 0, { unit: 'kB' }),
    resource(4, 'Max Message Size', 'R', 'integer', 0, { unit: 'B' }),
    resource(5, 'Average Message Size', 'R', 'integer', 0, { unit: 'B' }),
    resource(6, 'Start', 'E', 'none', undefined, { mandatory: true }),
    resource(7, 'Stop', 'E', 'none', undefined, { mandatory: true }),
    resource(8, 'Collection Period', 'RW', 'integer', 0, { unit: 's' }),
  ],
};

/** Object 16: the one whose instances servers create and delete in tests. */
const portfolioObject: ObjectSpec = {
  id: 16, name: 'Portfolio', multiple: true,
  resources: [
    resource(0, 'Identity', 'RW', 'string', list('Host Device ID', 'Host Device Manufacturer'), { mandatory: true }),
    resource(1, 'GetAuthData', 'E', 'none'),
    resource(2, 'AuthData', 'R', 'opaque', undefined, { multiple: true }),
    resource(3, 'AuthStatus', 'R', 'integer', undefined, { multiple: true }),
  ],
};

/** Object 3303. */
const temperatureObject: ObjectSpec = {
  id: 3303, name: 'Temperature', version: '1.1', multiple: true,
  resources: [
    resource(5601, 'Min Measured Value', 'R', 'float', 21.5),
    resource(5602, 'Max Measured Value', 'R', 'float', 21.5),
    resource(5603, 'Min Range Value', 'R', 'float', -40),
    resource(5604, 'Max Range Value', 'R', 'float', 85),
    resource(5605, 'Reset Min and Max Measured Values', 'E', 'none'),
    resource(5700, 'Sensor Value', 'R', 'float', 21.5, { mandatory: true }),
    resource(5701, 'Sensor Units', 'R', 'string', 'Cel'),
    resource(5750, 'Application Type', 'RW', 'string', 'simulated'),
  ],
};

/** Object 6. */
export const locationObject: ObjectSpec = {
  id: 6, name: 'Location', multiple: false,
  resources: [
    resource(0, 'Latitude', 'R', 'float', 48.137_5, { mandatory: true, unit: 'lat' }),
    resource(1, 'Longitude', 'R', 'float', -11.575, { mandatory: true, unit: 'lon' }),
    resource(2, 'Altitude', 'R', 'float', 519.5, { unit: 'm' }),
    resource(5, 'Timestamp', 'R', 'time', 1_367_491_215, { mandatory: true }),
  ],
};

/** Object 13, which a server creates. */
export const bearerObject: ObjectSpec = {
  id: 13, name: 'Bearer Selection', version: '1.1', multiple: false, instances: [],
  resources: [
    resource(0, 'Preferred Communications Bearer', 'RW', 'integer', undefined, { multiple: true }),
    resource(1, 'Acceptable RSSI (GSM)', 'RW', 'integer'),
  ],
};

/** What a simulated device has unless told. */
export function defaultObjects(lifetimeS: number, binding: string): ObjectSpec[] {
  const fixed = [deviceObject, connectivityObject, firmwareObject, statisticsObject, portfolioObject, temperatureObject];
  return [serverObject(lifetimeS, binding), ...fixed];
}
