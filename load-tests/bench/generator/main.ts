/** The load generator as a process: does to its fleet what the benchmark asks for. */
import { serve } from '../child.ts';
import { Fleet } from './fleet.ts';

const fleet = new Fleet();

const methods = {
  open: (range: Parameters<Fleet['open']>[0]) => fleet.open(range),
  close: (range: Parameters<Fleet['close']>[0]) => fleet.close(range),
  observed: (range: Parameters<Fleet['observed']>[0]) => fleet.observed(range),
  flood: (load: Parameters<Fleet['flood']>[0]) => fleet.flood(load),
  run: (load: Parameters<Fleet['run']>[0]) => fleet.run(load),
  reads: (_: null) => fleet.reads(),
  writes: (range: Parameters<Fleet['writes']>[0]) => fleet.writes(range),
};
export type Generator = typeof methods;

serve(methods);
