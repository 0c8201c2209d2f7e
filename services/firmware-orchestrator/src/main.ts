/** The firmware orchestrator as a process of its own. */
import { runProcess } from '@cluster/config';
import { startFirmwareOrchestrator } from './start.ts';
import { wireFirmware } from './wire.ts';

await runProcess('firmware', async ({ config, log, metrics }) => {
  const wired = await wireFirmware(config, log);
  const orchestrator = await startFirmwareOrchestrator(config, wired.ports, metrics, log);
  return {
    up: { httpPort: orchestrator.port, httpBind: config.httpBind },
    async close() {
      await orchestrator.close();
      await wired.close();
    },
  };
});
