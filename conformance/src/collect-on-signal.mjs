/** Loaded into the processes under test: collects garbage at SIGUSR2, which tests of memory need and nothing else does. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGUSR2', () => collect());
