/** What a device's periods say of each other: OMA Transport 1.1.1 appendix D.8.5. */
import { z } from 'zod';

/** `code` is stable; each names one rule of the appendix. */
export const adviceCode = z.enum([
  'LIFETIME_NOT_BELOW_PSM_TIMER', 'PMAX_NOT_BELOW_LIFETIME', 'PMAX_NOT_ABOVE_EDRX', 'PMIN_NOT_BELOW_EDRX', 'ACTIVE_TIME_BELOW_LISTENING',
]);

export const adviceView = z.object({
  periods: z.object({
    lifetimeS: z.number().describe('0: without end'),
    psmTimerS: z.number().optional().describe('T3412 extended, /10/x/4'),
    activeTimerS: z.number().optional().describe('T3324, /10/x/5'),
    edrxS: z.number().optional().describe('eDRX cycle of /10/x/8 or /10/x/9 (3GPP TS 24.008 §10.5.5.32); the longer of both'),
    observations: z.array(z.object({ paths: z.array(z.string()), pmin: z.number().optional(), pmax: z.number().optional() })),
  }).describe('what is known of them: values of object 10 count as they were last read or reported'),
  findings: z.array(z.object({ code: adviceCode, message: z.string(), paths: z.array(z.string()) })),
});
export type AdviceView = z.infer<typeof adviceView>;
