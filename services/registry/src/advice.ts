/**
 * Advice on the periods of a cellular device: T3412 > lifetime > pmax, and pmin < eDRX cycle < pmax, so that it wakes for the
 * network and for LwM2M at the same time. OMA Transport 1.1.1 appendix D.8.5
 */
import type { AdviceView, EndpointView, LastValue } from '@cluster/contracts';

type Periods = AdviceView['periods'];
type Finding = AdviceView['findings'][number];

/** eDRX cycles in seconds by the value of four bits: 3GPP TS 24.008 table 10.5.5.32.1, S1 mode. */
const WB_S1 = [5.12, 10.24, 20.48, 40.96, 61.44, 81.92, 102.4, 122.88, 143.36, 163.84, 327.68, 655.36, 1_310.72, 2_621.44, 5_242.88, 10_485.76];
/** In NB-S1 mode values that are not assigned are taken as 20.48 s. */
const NB_S1_ASSIGNED = [2, 3, 5, 9, 10, 11, 12, 13, 14, 15];

/** Judges what is known of an endpoint's periods. */
export function adviceOf(view: EndpointView, values: readonly LastValue[]): AdviceView {
  const periods = periodsOf(view, values);
  return { periods, findings: [...lifetimeFindings(periods), ...periods.observations.flatMap((one) => observationFindings(one, periods)), ...activeFindings(periods, view)] };
}

function periodsOf(view: EndpointView, values: readonly LastValue[]): Periods {
  const value = (path: RegExp): LastValue['value'] | undefined => values.find((one) => path.test(one.path))?.value;
  const seconds = (path: RegExp): number | undefined => positive(value(path));
  const cycles = [edrxCycle(value(/^\/10\/\d+\/8$/), 'wb'), edrxCycle(value(/^\/10\/\d+\/9$/), 'nb')].filter((cycle) => cycle !== undefined);
  const psmTimerS = seconds(/^\/10\/\d+\/4$/);
  const activeTimerS = seconds(/^\/10\/\d+\/5$/);
  return {
    lifetimeS: view.lifetimeS ?? 0,
    ...(psmTimerS === undefined ? {} : { psmTimerS }),
    ...(activeTimerS === undefined ? {} : { activeTimerS }),
    ...(cycles.length === 0 ? {} : { edrxS: Math.max(...cycles) }),
    observations: view.observations.map(({ path, paths, attributes }) => ({
      paths: paths ?? [path ?? '/'],
      ...(typeof attributes?.pmin === 'number' ? { pmin: attributes.pmin } : {}),
      ...(typeof attributes?.pmax === 'number' ? { pmax: attributes.pmax } : {}),
    })),
  };
}

function positive(value: LastValue['value'] | undefined): number | undefined {
  return typeof value === 'number' && value > 0 ? value : undefined;
}

/** The cycle of one octet: paging time window in the upper four bits, eDRX value in the lower. */
function edrxCycle(value: LastValue['value'] | undefined, mode: 'wb' | 'nb'): number | undefined {
  if (typeof value !== 'string') return undefined;
  const octets = Buffer.from(value, 'base64');
  const [octet] = octets;
  if (octets.length !== 1 || octet === undefined) return undefined;
  const bits = octet & 0x0f;
  return WB_S1[mode === 'wb' || NB_S1_ASSIGNED.includes(bits) ? bits : 2];
}

function lifetimeFindings({ lifetimeS, psmTimerS }: Periods): Finding[] {
  if (psmTimerS === undefined || (lifetimeS !== 0 && lifetimeS < psmTimerS)) return [];
  const lifetime = lifetimeS === 0 ? 'without end' : `${lifetimeS} s`;
  const message = `the lifetime (${lifetime}) is not below the PSM timer (${psmTimerS} s): the device wakes for the network alone`;
  return [{ code: 'LIFETIME_NOT_BELOW_PSM_TIMER', message, paths: ['/1/0/1', '/10/0/4'] }];
}

function observationFindings({ paths, pmin, pmax }: Periods['observations'][number], { lifetimeS, edrxS }: Periods): Finding[] {
  const rules: [boolean, Finding['code'], string][] = [
    [pmax !== undefined && lifetimeS !== 0 && pmax >= lifetimeS, 'PMAX_NOT_BELOW_LIFETIME',
      `pmax (${pmax} s) is not below the lifetime (${lifetimeS} s): the device wakes for Updates that a notification could have spared`],
    [pmax !== undefined && edrxS !== undefined && pmax <= edrxS, 'PMAX_NOT_ABOVE_EDRX',
      `pmax (${pmax} s) is not above the eDRX cycle (${edrxS} s): the device wakes for a notification between its cycles`],
    [pmin !== undefined && edrxS !== undefined && pmin >= edrxS, 'PMIN_NOT_BELOW_EDRX',
      `pmin (${pmin} s) is not below the eDRX cycle (${edrxS} s): a change is held back for longer than a cycle`],
  ];
  return rules.filter(([broken]) => broken).map(([, code, message]) => ({ code, message, paths }));
}

/** The server takes the device for listening longer than the network reaches it. */
function activeFindings({ activeTimerS }: Periods, { queueMode, presence, settings }: EndpointView): Finding[] {
  const { awakeUntil, lastHeard } = presence;
  const known = awakeUntil === undefined || lastHeard === undefined ? undefined : (Date.parse(awakeUntil) - Date.parse(lastHeard)) / 1_000;
  const listensS = settings.maxTransmitWaitS ?? known;
  if (activeTimerS === undefined || queueMode !== true || listensS === undefined || activeTimerS >= listensS) return [];
  const message = `the active timer (${activeTimerS} s) is below the time that the device is taken for listening (${listensS} s): set maxTransmitWaitS to it`;
  return [{ code: 'ACTIVE_TIME_BELOW_LISTENING', message, paths: ['/10/0/5'] }];
}
