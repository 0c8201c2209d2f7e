/** Groups: selectors that are kept under a name. Who belongs to one is found out when it is asked. */
import { Injectable } from '@nestjs/common';
import type { Group, GroupMembers, PageQuery, Selector } from '@cluster/contracts';
import { findGroup, type GroupStore, type Selection, toGroup } from '@cluster/fleet';
import { ApiError, type Caller, checkChange, fromCursor, ownerOf, sees, toCursor } from '@cluster/nest-kit';

const MOST_GROUPS = 1_000;

@Injectable()
export class GroupDesk {
  readonly #store: GroupStore;
  readonly #selection: Selection;

  constructor(store: GroupStore, selection: Selection) {
    this.#store = store;
    this.#selection = selection;
  }

  async list(caller: Caller): Promise<Group[]> {
    return (await this.#store.groups()).map(({ name, record }) => toGroup(name, record)).filter((group) => sees(caller, group));
  }

  async show(name: string, caller: Caller): Promise<Group> {
    const group = await this.#find(name);
    if (group === undefined || !sees(caller, group)) throw groupUnknown(name);
    return group;
  }

  async put(name: string, selector: Selector, caller: Caller): Promise<Group> {
    const group = { ...ownerOf(caller, 'operate', await this.#find(name), name), selector };
    const others = (await this.#store.groups()).filter((group) => group.name !== name);
    if (others.length >= MOST_GROUPS) throw new ApiError(429, 'GROUPS_FULL', 'There are as many groups as may be');
    await this.#store.putGroup(name, JSON.stringify(group));
    return { name, ...group };
  }

  async remove(name: string, caller: Caller): Promise<void> {
    checkChange(caller, 'operate', await this.show(name, caller), () => groupUnknown(name));
    if (!(await this.#store.deleteGroup(name))) throw groupUnknown(name);
  }

  /** Looks at `limit` candidates: a page may have few members, or none, though others follow. */
  async members(name: string, { limit, cursor }: PageQuery, caller: Caller): Promise<GroupMembers> {
    const { selector, tenant } = await this.show(name, caller);
    const { endpoints, next } = await this.#selection.page(selector, fromCursor(cursor), limit, tenant ?? caller.ownTenant);
    return { endpoints: [...endpoints], ...(next === undefined ? {} : { next: toCursor(next) }) };
  }

  #find(name: string): Promise<Group | undefined> {
    return findGroup(this.#store, name);
  }
}

function groupUnknown(name: string): ApiError {
  return new ApiError(404, 'GROUP_UNKNOWN', 'There is no such group', { detail: name });
}
