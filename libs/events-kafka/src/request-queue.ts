/**
 * Quiets kafkajs 2.2.4 when idle: its request queue sets a timer in the past, again and again, although nothing waits
 * (about 2 % of a core for each connection, and a warning from Node). With nothing pending there is nothing to check:
 * whatever enqueues a request schedules the check itself.
 */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const require = createRequire(import.meta.url);
const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
const schedule = prototype.scheduleCheckPendingRequests;

prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0) schedule.call(this);
};
