/** Groups: one reader for each topic of a group, whose batches go to its members in turn. */
import type { Topic } from '@cluster/contracts';
import type { ConsumedRecord } from '@cluster/events';
import type { EventLog } from './log.ts';
import { TopicReader } from './reader.ts';

/** One subscriber. Its handler's calls do not overlap, whatever readers hand to it. */
export class Member {
  readonly #handler: (records: readonly ConsumedRecord[]) => Promise<void>;
  #turn: Promise<void> = Promise.resolve();
  #left = false;

  constructor(handler: (records: readonly ConsumedRecord[]) => Promise<void>) {
    this.#handler = handler;
  }

  /** Rejects when the handler does, or when the member has left meanwhile. */
  handle(records: readonly ConsumedRecord[]): Promise<void> {
    const mine = this.#turn.then(() => {
      if (this.#left) throw new Error('the member has left');
      return this.#handler(records);
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  leave(): void {
    this.#left = true;
  }

  /** Resolves when the running call has ended. */
  idle(): Promise<void> {
    return this.#turn;
  }
}

/** The members of one topic of a group, and the reader that serves them. */
interface TopicGroup {
  readonly group: string;
  readonly members: Member[];
  readonly reader: TopicReader;
}

const BATCH = 500;

export class GroupRegistry {
  readonly #log: EventLog;
  readonly #readers: Set<TopicReader>;
  /** By group and topic. */
  readonly #groups = new Map<string, TopicGroup>();

  constructor(log: EventLog, readers: Set<TopicReader>) {
    this.#log = log;
    this.#readers = readers;
  }

  join(group: string, topics: readonly Topic[], member: Member): void {
    for (const topic of topics) {
      const key = JSON.stringify([group, topic]);
      const known = this.#groups.get(key);
      if (known !== undefined) known.members.push(member);
      else this.#groups.set(key, this.#open(group, topic, member));
    }
  }

  /** Takes the member out; resolves when its handler is no longer called. */
  async leave(group: string, member: Member): Promise<void> {
    member.leave();
    const empty = [...this.#groups].filter(([, topicGroup]) => {
      const index = topicGroup.group === group ? topicGroup.members.indexOf(member) : -1;
      if (index >= 0) topicGroup.members.splice(index, 1);
      return index >= 0 && topicGroup.members.length === 0;
    });
    for (const [key, { reader }] of empty) {
      this.#groups.delete(key);
      this.#readers.delete(reader);
    }
    await Promise.all([member.idle(), ...empty.map(([, { reader }]) => reader.close())]);
  }

  #open(group: string, topic: Topic, first: Member): TopicGroup {
    const log = this.#log;
    const members = [first];
    const reader = new TopicReader({
      next: () => log.read(topic, log.committed(group, topic), BATCH),
      deliver(records) {
        const member = members.shift();
        if (member === undefined) return Promise.reject(new Error('the group has no members'));
        members.push(member);
        return member.handle(records);
      },
      done: (records) => log.commit(group, topic, Number(records.at(-1)!.offset) + 1),
    });
    this.#readers.add(reader);
    return { group, members, reader };
  }
}
