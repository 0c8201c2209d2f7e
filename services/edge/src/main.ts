/** The edge as a process of its own. */
import { runProcess } from '@cluster/config';
import { runEdge } from './app.ts';
import { wireEdge } from './wire.ts';

await runProcess('edge', async ({ config, log, metrics, sample }) => {
  const wired = await wireEdge(config, metrics, log);
  const app = await runEdge(config, { ...wired.deps, sample });
  return {
    up: { coapPort: app.coapPort, coapsPort: app.coapsPort, bind: config.bind, httpPort: app.httpPort },
    async close() {
      await app.close();
      await wired.close();
    },
  };
});
