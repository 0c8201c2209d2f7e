/** Why a campaign could never be carried out, beyond what its schema says. */
import type { CampaignRequest, CampaignWave } from '@cluster/contracts';
import { isTimeZone, opensAt } from './windows.ts';

export interface CampaignFault {
  readonly path: string;
  readonly message: string;
}

export function campaignFaults(request: CampaignRequest, nowMs: number): CampaignFault[] {
  return [...waveFaults(request.waves), ...capFaults(request), ...windowFaults(request, nowMs)];
}

function waveFaults(waves: readonly CampaignWave[]): CampaignFault[] {
  const faults: CampaignFault[] = [];
  let before = 0;
  waves.forEach(({ count, percent }, i) => {
    if (count !== undefined && i > 0) faults.push({ path: `waves.${i}.count`, message: 'only the first wave may be a count of devices' });
    if (percent === undefined) return;
    if (percent <= before) faults.push({ path: `waves.${i}.percent`, message: `must be more than the ${before} of the wave before` });
    before = percent;
  });
  if (waves.at(-1)?.percent !== 100) faults.push({ path: `waves.${waves.length - 1}`, message: 'the last wave must be 100 percent' });
  return faults;
}

function capFaults({ perLabel }: CampaignRequest): CampaignFault[] {
  if (perLabel === undefined || perLabel.maxConcurrent !== undefined || perLabel.bytesPerSecond !== undefined) return [];
  return [{ path: 'perLabel', message: 'give maxConcurrent, bytesPerSecond or both' }];
}

function windowFaults({ windows, notBefore, notAfter }: CampaignRequest, nowMs: number): CampaignFault[] {
  const zones = (windows ?? []).flatMap(({ timeZone }, i) => (isTimeZone(timeZone) ? [] : [{ path: `windows.${i}.timeZone`, message: 'is not a time zone of the IANA database' }]));
  if (zones.length > 0) return zones;
  const never = (windows ?? []).flatMap(({ from, to }, i) => (from === to ? [{ path: `windows.${i}`, message: 'ends where it begins, and never opens' }] : []));
  if (never.length > 0) return never;
  const [fromMs, toMs] = [Math.max(nowMs, notBefore === undefined ? nowMs : Date.parse(notBefore)), notAfter === undefined ? Infinity : Date.parse(notAfter)];
  if (fromMs >= toMs) return [{ path: 'notAfter', message: notBefore === undefined ? 'is over' : 'is over, or not after notBefore' }];
  return opensAt(windows, fromMs, toMs - 1) === undefined ? [{ path: 'windows', message: 'none opens between notBefore and notAfter' }] : [];
}
