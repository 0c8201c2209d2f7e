/** Test cases that nobody plays, and why. */
import type { NotApplicable } from '../src/report/results.ts';

export const notApplicable: readonly NotApplicable[] = [
  { id: 'int-106', title: 'TCP Binding', reason: 'the server has no CoAP over TCP yet' },
];
