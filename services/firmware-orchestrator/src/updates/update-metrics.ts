/** What is counted of updates. Labels are stages and classes of errors alone: their number is that of this program's own names. */
import type { firmware } from '@cluster/lwm2m';
import type { Metrics } from '@cluster/telemetry';

/** Seconds, from a moment to a week. */
const BUCKETS = [10, 30, 60, 180, 600, 1_800, 3_600, 10_800, 43_200, 86_400, 259_200, 604_800] as const;

/** `object`: the one by which devices are updated. */
export function updateMetrics(metrics: Metrics, object: 'firmware' | 'software') {
  return {
    /** The stages that an update has entered since `known` of its transitions. */
    entered({ transitions, untold, startedAtMs }: firmware.Progress, known: number): void {
      for (const { stage, failure = 'none', atMs } of untold.filter((one) => one.sequence > known && one.sequence <= transitions)) {
        metrics.counter('lwm2m_firmware_stages_total', 'Stages that updates entered', { object, stage }).inc();
        if (!ENDS.has(stage)) continue;
        metrics.counter('lwm2m_firmware_ended_total', 'Updates that ended, with the class of error of those that failed', { object, outcome: stage, failure }).inc();
        metrics
          .histogram('lwm2m_firmware_duration_seconds', 'Time from the beginning of an update to its end', BUCKETS, { object, outcome: stage })
          .observe((atMs - startedAtMs) / 1_000);
      }
    },
  };
}

const ENDS: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled', 'superseded']);
