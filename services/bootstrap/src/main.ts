/** The bootstrap service as a process of its own. */
import { runProcess } from '@cluster/config';
import { authorityMounts, runBootstrap, withProvisioning } from './start.ts';
import { wireBootstrap } from './wire.ts';

await runProcess('bootstrap', async ({ config, log, metrics }) => {
  const wired = await wireBootstrap(config, metrics, log);
  const bootstrap = await runBootstrap(config, withProvisioning(config, wired.ports), authorityMounts(config, wired.ports));
  return {
    up: { coapPort: bootstrap.coapPort, coapsPort: bootstrap.coapsPort, bind: config.bind, httpPort: bootstrap.httpPort, httpBind: config.httpBind },
    async close() {
      await bootstrap.close();
      await wired.close();
    },
  };
});
