/** What goes over the wire: a plain command, or a script with as many steps as may go together. */
import { Fault } from './faults.ts';
import type { Argument, RedisCommand, Reply } from './command.ts';
import type { Script } from './scripts.ts';

/** Commands that share a call stand beside each other: it names the first of them and the one behind the last. */
export interface Call {
  readonly run: string | Script;
  readonly commands: readonly RedisCommand[];
  readonly from: number;
  to: number;
}

/** A script holds its server up: so many steps at a time. */
const MAX_STEPS = 256;

/** Makes calls of commands. `together`: steps of one script that follow each other become one call, since one server has all keys. */
export function toCalls(commands: readonly RedisCommand[], together: boolean): Call[] {
  const calls: Call[] = [];
  let call: Call | undefined;
  for (let i = 0; i < commands.length; i++) {
    const { run } = commands[i]!;
    const joins = together && typeof run !== 'string' && call?.run === run && call.to - call.from < MAX_STEPS;
    if (joins) call!.to++;
    else calls.push((call = { run, commands, from: i, to: i + 1 }));
  }
  return calls;
}

/** The replies to the commands that the calls were made of. A script that failed failed in each of its steps. */
export function toReplies(calls: readonly Call[], replies: readonly (Reply | Fault)[]): (Reply | Fault)[] {
  const all: (Reply | Fault)[] = [];
  calls.forEach(({ run, from, to }, index) => {
    const reply = replies[index]!;
    if (typeof run === 'string') all.push(reply);
    else if (reply instanceof Fault) for (let i = from; i < to; i++) all.push(reply);
    else for (const one of reply as readonly Reply[]) all.push(one);
  });
  return all;
}

/** How a call names its script: by its hash, which the server may have forgotten, or by its source. */
export type Naming = 'hash' | 'source';

/** The name of the command that a call is. */
export function nameOf({ run }: Call, naming: Naming): string {
  if (typeof run === 'string') return run;
  return naming === 'hash' ? 'evalsha' : 'eval';
}

/** How many words a call has. */
export function countWords({ run, commands, from, to }: Call): number {
  if (typeof run === 'string') return 1 + commands[from]!.args.length;
  let words = 3;
  for (let i = from; i < to; i++) words += (commands[i]!.keys?.length ?? 0) + 2 + commands[i]!.args.length;
  return words;
}

/** Gives the words of a call one by one: of a script all its keys first, then what each step has of them and its arguments. */
export function eachWord(call: Call, naming: Naming, take: (word: Argument) => void): void {
  const { run, commands, from, to } = call;
  take(nameOf(call, naming));
  if (typeof run === 'string') return commands[from]!.args.forEach(take);
  take(naming === 'hash' ? run.sha : run.lua);
  let keys = 0;
  for (let i = from; i < to; i++) keys += commands[i]!.keys?.length ?? 0;
  take(keys);
  for (let i = from; i < to; i++) commands[i]!.keys?.forEach(take);
  for (let i = from; i < to; i++) {
    const { keys: own, args } = commands[i]!;
    take(own?.length ?? 0);
    take(args.length);
    args.forEach(take);
  }
}
