/** Which Node.js the services run on. npm scripts find it by themselves; a service started by hand may meet an older one. */

const LEAST_MAJOR = 24;

/** Why a service cannot run on this version of Node.js; undefined where it can. */
export function nodeFault(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= LEAST_MAJOR) return undefined;
  return `Node.js ${LEAST_MAJOR} or newer is needed, this is ${version}. npm scripts (npm start, npm run edge) bring it along`;
}
