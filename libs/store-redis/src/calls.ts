/** What goes over the wire: a plain command, or a script with as many steps as may go together. */
import { Fault } from './faults.ts';
import type { Argument, RedisCommand, Reply } from './command.ts';
import type { Script } from './scripts.ts';

export interface Call {
  readonly run: string | Script;
  readonly keys: string[];
  readonly args: Argument[];
  /** Steps of a script; 0 for a plain command. */
  steps: number;
}

/** A script holds its server up: so many steps at a time. */
const MAX_STEPS = 256;

/** Makes calls of commands. `together`: steps of one script that follow each other become one call, since one server has all keys. */
export function toCalls(commands: readonly RedisCommand[], together: boolean): Call[] {
  const calls: Call[] = [];
  for (const { run, keys = [], args } of commands) {
    if (typeof run === 'string') {
      calls.push({ run, keys: [], args: args as Argument[], steps: 0 });
      continue;
    }
    let call = calls.at(-1);
    if (!together || call?.run !== run || call.steps === MAX_STEPS) calls.push((call = { run, keys: [], args: [], steps: 0 }));
    call.steps++;
    call.args.push(keys.length, args.length);
    for (const key of keys) call.keys.push(key);
    for (const arg of args) call.args.push(arg);
  }
  return calls;
}

/** The replies to the commands that the calls were made of. A script that failed failed in each of its steps. */
export function toReplies(calls: readonly Call[], replies: readonly (Reply | Fault)[]): (Reply | Fault)[] {
  const all: (Reply | Fault)[] = [];
  calls.forEach(({ steps }, index) => {
    const reply = replies[index]!;
    if (steps === 0) all.push(reply);
    else if (reply instanceof Fault) for (let i = 0; i < steps; i++) all.push(reply);
    else for (const one of reply as readonly Reply[]) all.push(one);
  });
  return all;
}

/** The words of a call that names its script by its hash, which the server may have forgotten. */
export function byHash({ run, keys, args }: Call): Argument[] {
  return typeof run === 'string' ? [run, ...args] : ['evalsha', run.sha, keys.length, ...keys, ...args];
}

/** The words of a call that brings its script. */
export function bySource({ run, keys, args }: Call): Argument[] {
  return typeof run === 'string' ? [run, ...args] : ['eval', run.lua, keys.length, ...keys, ...args];
}
