/** Names what is weaker in the servers' settings than what the server's promises rest on. */
import type { Connection } from './connection.ts';

/** The promises hold with AOF, a replica that writes wait for, and `noeviction`. Empty: nothing is weaker. */
export async function weaknesses(servers: readonly Connection[], waitReplicas: number): Promise<string[]> {
  const found = (await Promise.all(servers.map((server) => weaknessesOf(server, waitReplicas)))).flat();
  if (waitReplicas === 0) found.push('writes do not wait for a replica (waitReplicas is 0)');
  return found;
}

async function weaknessesOf(server: Connection, waitReplicas: number): Promise<string[]> {
  const info = parseInfo(String(await server.call('info')));
  const name = `${server.address.host}:${server.address.port}`;
  const found: string[] = [];
  if (info.get('aof_enabled') !== '1') found.push(`${name}: AOF is off`);
  else if (info.get('aof_last_write_status') !== 'ok') found.push(`${name}: the last write of the AOF failed`);
  else if (waitReplicas === 0 && (await fsyncPolicy(server)) === 'everysec') {
    found.push(`${name}: appendfsync is everysec, which may answer up to two seconds before it writes`);
  }
  if (Number(info.get('connected_slaves')) < 1) found.push(`${name}: no replica is connected`);
  if (info.get('maxmemory_policy') !== 'noeviction') found.push(`${name}: maxmemory-policy is ${info.get('maxmemory_policy')}`);
  return found;
}

/** undefined where the server does not tell its settings. */
async function fsyncPolicy(server: Connection): Promise<string | undefined> {
  const reply = await server.call('config', 'get', 'appendfsync').catch(() => undefined);
  return Array.isArray(reply) ? String(reply[1]) : undefined;
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
