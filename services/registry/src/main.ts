/** The registry as a process of its own. */
import { runProcess } from '@cluster/config';
import { startRegistry } from './start.ts';
import { wireRegistry } from './wire.ts';

await runProcess('registry', async ({ config, log, metrics }) => {
  const wired = await wireRegistry(config, log);
  const registry = await startRegistry(config, wired.ports, metrics, log);
  return {
    up: { httpPort: registry.port, httpBind: config.httpBind },
    async close() {
      await registry.close();
      await wired.close();
    },
  };
});
