/** Bootstrap configurations with a name: listed, shown without secrets, set, removed. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import {
  type BootstrapConfiguration, bootstrapConfiguration, type BootstrapConfigurationList, bootstrapConfigurationName, type BootstrapConfigurationView,
} from '@cluster/contracts';
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
  list(): Promise<BootstrapConfigurationList> {
    return this.#desk.list();
  }

  @Get(':name')
  async show(@Param('name') name: string): Promise<BootstrapConfigurationView> {
    const view = await this.#desk.get(name);
    if (view === undefined) throw problem('BOOTSTRAP_CONFIGURATION_UNKNOWN', { detail: name });
    return view;
  }

  @Put(':name')
  async put(
    @Param('name', { schema: bootstrapConfigurationName }) name: string,
    @Body({ schema: bootstrapConfiguration }) body: BootstrapConfiguration,
  ): Promise<BootstrapConfigurationView> {
    return stored(await this.#desk.put(name, body), name);
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Param('name') name: string): Promise<void> {
    if (!(await this.#desk.remove(name))) throw problem('BOOTSTRAP_CONFIGURATION_UNKNOWN', { detail: name });
  }
}
