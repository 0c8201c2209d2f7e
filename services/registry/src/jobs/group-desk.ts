/** Groups: selectors that are kept under a name. Who belongs to one is found out when it is asked. */
import { Injectable } from '@nestjs/common';
import { type Group, type GroupMembers, type PageQuery, selector as selectorSchema, type Selector } from '@cluster/contracts';
import type { GroupStore } from '@cluster/fleet';
import { ApiError } from '@cluster/nest-kit';
import { fromCursor, toCursor } from '../rest/cursor.ts';
import type { Selection } from './selection.ts';

const MOST_GROUPS = 1_000;

@Injectable()
export class GroupDesk {
  readonly #store: GroupStore;
  readonly #selection: Selection;

  constructor(store: GroupStore, selection: Selection) {
    this.#store = store;
    this.#selection = selection;
  }

  async list(): Promise<Group[]> {
    return (await this.#store.groups()).map(({ name, record }) => toGroup(name, record));
  }

  async show(name: string): Promise<Group> {
    const record = await this.#store.group(name);
    if (record === undefined) throw groupUnknown(name);
    return toGroup(name, record);
  }

  async put(name: string, selector: Selector): Promise<Group> {
    const others = (await this.#store.groups()).filter((group) => group.name !== name);
    if (others.length >= MOST_GROUPS) throw new ApiError(429, 'GROUPS_FULL', 'There are as many groups as may be');
    await this.#store.putGroup(name, JSON.stringify(selector));
    return { name, selector };
  }

  async remove(name: string): Promise<void> {
    if (!(await this.#store.deleteGroup(name))) throw groupUnknown(name);
  }

  /** Looks at `limit` candidates: a page may have few members, or none, though others follow. */
  async members(name: string, { limit, cursor }: PageQuery): Promise<GroupMembers> {
    const { selector } = await this.show(name);
    const { endpoints, next } = await this.#selection.page(selector, fromCursor(cursor), limit);
    return { endpoints: [...endpoints], ...(next === undefined ? {} : { next: toCursor(next) }) };
  }
}

function toGroup(name: string, record: string): Group {
  return { name, selector: selectorSchema.parse(JSON.parse(record)) };
}

function groupUnknown(name: string): ApiError {
  return new ApiError(404, 'GROUP_UNKNOWN', 'There is no such group', { detail: name });
}
