/** Groups of endpoints under a name. */
import { Body, Controller, Delete, Get, HttpCode, Param, Put, Query } from '@nestjs/common';
import { type Group, type GroupMembers, groupName, type PageQuery, pageQuery, selector, type Selector } from '@cluster/contracts';
import { type Caller, RequestCaller } from '@cluster/nest-kit';
import { GroupDesk } from '../jobs/group-desk.ts';

@Controller('api/v1/groups')
export class GroupsController {
  readonly #desk: GroupDesk;

  constructor(desk: GroupDesk) {
    this.#desk = desk;
  }

  @Get()
  list(@RequestCaller() caller: Caller): Promise<Group[]> {
    return this.#desk.list(caller);
  }

  @Get(':name')
  show(@Param('name') name: string, @RequestCaller() caller: Caller): Promise<Group> {
    return this.#desk.show(name, caller);
  }

  @Put(':name')
  put(@Param('name', { schema: groupName }) name: string, @Body({ schema: selector }) body: Selector, @RequestCaller() caller: Caller): Promise<Group> {
    return this.#desk.put(name, body, caller);
  }

  @Delete(':name')
  @HttpCode(204)
  remove(@Param('name') name: string, @RequestCaller() caller: Caller): Promise<void> {
    return this.#desk.remove(name, caller);
  }

  @Get(':name/endpoints')
  members(@Param('name') name: string, @Query({ schema: pageQuery }) query: PageQuery, @RequestCaller() caller: Caller): Promise<GroupMembers> {
    return this.#desk.members(name, query, caller);
  }
}
