/** Command line of the simulated device: registers and shows what happens until it is interrupted. */
import { parseArgs } from 'node:util';
import { formatPath } from '@cluster/lwm2m';
import { NoResponse } from './coap-port.ts';
import type { DeviceOptions } from './device-options.ts';
import { SimulatedDevice } from './simulated-device.ts';

const USAGE = `usage: npm run device -- --endpoint NAME [options]
  --server URI          coap://127.0.0.1:5683
  --lifetime SECONDS    300
  --version 1.0|1.1|1.2 1.1
  --binding B           U
  --queue-mode          asleep when nothing was heard for --awake seconds (93)
  --awake SECONDS
  --root PATH           alternate path of the objects
  --local-port PORT
  --non                 notifications are not confirmable
  --notify-every S      a new value of /3303/0/5700 each S seconds
  --send-every S        sends /3303/0/5700 each S seconds`;

const { values: flags } = parseArgs({
  options: {
    endpoint: { type: 'string' }, server: { type: 'string' }, lifetime: { type: 'string' }, version: { type: 'string' },
    binding: { type: 'string' }, 'queue-mode': { type: 'boolean' }, awake: { type: 'string' }, root: { type: 'string' },
    'local-port': { type: 'string' }, non: { type: 'boolean' }, 'notify-every': { type: 'string' },
    'send-every': { type: 'string' }, help: { type: 'boolean' },
  },
});

if (flags.help === true || flags.endpoint === undefined) {
  console.error(USAGE);
  process.exit(flags.help === true ? 0 : 2);
}

const device = new SimulatedDevice(optionsOf(flags.endpoint));
report(device);
process.once('SIGINT', () => void leave());
process.once('SIGTERM', () => void leave());
await begin();
every(flags['notify-every'], () => device.setValue('/3303/0/5700', nextTemperature()));
every(flags['send-every'], () => void device.send(['/3303/0/5700']).then((code) => log(`send ${code}`), logError));

function optionsOf(endpoint: string): DeviceOptions {
  const version = flags.version ?? '1.1';
  if (version !== '1.0' && version !== '1.1' && version !== '1.2') throw new TypeError(`--version ${version}: 1.0, 1.1 or 1.2`);
  return {
    endpoint, version,
    server: flags.server ?? 'coap://127.0.0.1:5683',
    lifetimeS: positive('lifetime', flags.lifetime ?? '300'),
    binding: flags.binding ?? 'U',
    queueMode: flags['queue-mode'] ?? false,
    awakeMs: positive('awake', flags.awake ?? '93') * 1_000,
    rootPath: flags.root ?? '/',
    notifications: flags.non === true ? 'non' : 'con',
    localPort: flags['local-port'] === undefined ? 0 : positive('local-port', flags['local-port']),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`--${name} ${text}: a number above 0`);
  return value;
}

function report(source: SimulatedDevice): void {
  source.on('registered', (location) => log(`registered at ${location} from port ${source.localPort}`));
  source.on('updated', () => log('updated'));
  source.on('deregistered', () => log('de-registered'));
  source.on('backoff', (seconds) => log(`told to come back in ${seconds} s`));
  source.on('request', ({ operation, path, code }) => log(`${operation} ${formatPath(path)} → ${code}`));
  source.on('executed', (what) => log(`executed ${formatPath(what.path)} ${what.arguments}`));
  source.on('notified', ({ observation, observe, delivery }) => {
    log(`notified ${observation.paths.map(formatPath).join(' ')} #${observe} ${delivery}`);
  });
  source.on('asleep', () => log('asleep'));
  source.on('awake', () => log('awake'));
  source.on('failed', logError);
}

function nextTemperature(): number {
  const now = device.getValue('/3303/0/5700');
  return Math.round(((typeof now === 'number' ? now : 20) + Math.random() - 0.5) * 100) / 100;
}

function every(seconds: string | undefined, action: () => void): void {
  if (seconds !== undefined) setInterval(action, positive('…-every', seconds) * 1_000);
}

/** Registers, again and again while no server answers; a refusal ends it. */
async function begin(): Promise<void> {
  for (;;) {
    try {
      return await device.start();
    } catch (error) {
      logError(error);
      if (!(error instanceof NoResponse)) process.exit(1);
    }
  }
}

async function leave(): Promise<void> {
  await device.stop().catch(logError);
  process.exit(0);
}

function log(text: string): void {
  console.log(`${new Date().toISOString()} ${device.registration.parameters.endpoint} ${text}`);
}

function logError(error: unknown): void {
  log(`failed: ${error instanceof Error ? error.message : String(error)}`);
}
