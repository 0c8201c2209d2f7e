/** The next request that brings a device nearer to what is desired: its settings first, then its observations. */
import { nextMuteSendStep, type MuteSendStep } from './mute-send.ts';
import { nextObservationStep, type ObservationStep } from './observations.ts';
import type { SessionRecord } from './record.ts';

export type DesiredStep = ObservationStep | MuteSendStep;

/** Undefined where all is as it should be. */
export function nextDesiredStep(record: SessionRecord): DesiredStep | undefined {
  return nextMuteSendStep(record) ?? nextObservationStep(record);
}
