/** Bootstrap configurations with a name: listed, shown without secrets, set, removed. One that is a tenant's is as none to others. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import {
  type BootstrapConfiguration, bootstrapConfiguration, type BootstrapConfigurationList, bootstrapConfigurationName, type BootstrapConfigurationView,
} from '@cluster/contracts';
import { ApiError, type Caller, checkChange, ownerOf, RequestCaller, sees } from '@cluster/nest-kit';
import type { ConfigurationDesk } from '@cluster/session';
import { CONFIGURATIONS } from '../tokens.ts';
import { problem } from './problems.ts';
import { stored } from './stored.ts';

@Controller('api/v1/bootstrap/configurations')
export class ConfigurationsController {
  readonly #desk: ConfigurationDesk;

  constructor(@Inject(CONFIGURATIONS) desk: ConfigurationDesk) {
    this.#desk = desk;
  }

  @Get()
  async list(@RequestCaller() caller: Caller): Promise<BootstrapConfigurationList> {
    return (await this.#desk.list()).filter((configuration) => sees(caller, configuration));
  }

  @Get(':name')
  async show(@Param('name') name: string, @RequestCaller() caller: Caller): Promise<BootstrapConfigurationView> {
    const view = await this.#desk.get(name);
    if (view === undefined || !sees(caller, view)) throw unknown(name);
    return view;
  }

  @Put(':name')
  async put(
    @Param('name', { schema: bootstrapConfigurationName }) name: string,
    @Body({ schema: bootstrapConfiguration }) body: BootstrapConfiguration,
    @RequestCaller() caller: Caller,
  ): Promise<BootstrapConfigurationView> {
    const { tenant } = ownerOf(caller, 'provision', await this.#desk.get(name), name);
    return stored(await this.#desk.put(name, body, tenant), name);
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Param('name') name: string, @RequestCaller() caller: Caller): Promise<void> {
    checkChange(caller, 'provision', await this.show(name, caller), () => unknown(name));
    if (!(await this.#desk.remove(name))) throw unknown(name);
  }
}

function unknown(name: string): ApiError {
  return problem('BOOTSTRAP_CONFIGURATION_UNKNOWN', { detail: name });
}
