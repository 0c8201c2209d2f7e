/** Labels, settings and the tenant, which an operator keeps for an endpoint: before its first Register too. */
import { Body, Controller, Get, Inject, Param, Put } from '@nestjs/common';
import {
  type DeviceProfile, deviceSettings, type DeviceSettings, endpointName, labels, type Labels, type TenantOfEndpoint, tenantOfEndpoint,
} from '@cluster/contracts';
import { ApiError, type Caller, RequestCaller } from '@cluster/nest-kit';
import type { NorthboundPort } from '../northbound-port.ts';
import { NORTHBOUND } from '../tokens.ts';
import { endpointUnknown } from './errors.ts';

@Controller('api/v1/endpoints/:endpoint')
export class ProfileController {
  readonly #northbound: NorthboundPort;

  constructor(@Inject(NORTHBOUND) northbound: NorthboundPort) {
    this.#northbound = northbound;
  }

  @Get('labels')
  async labels(@Param('endpoint') endpoint: string): Promise<Labels> {
    return (await this.#profile(endpoint)).labels;
  }

  @Put('labels')
  async setLabels(@Param('endpoint', { schema: endpointName }) endpoint: string, @Body({ schema: labels }) list: Labels): Promise<Labels> {
    return (await this.#northbound.setProfile(endpoint, { labels: list })).labels;
  }

  @Get('settings')
  async settings(@Param('endpoint') endpoint: string): Promise<DeviceSettings> {
    return (await this.#profile(endpoint)).settings;
  }

  @Put('settings')
  async setSettings(
    @Param('endpoint', { schema: endpointName }) endpoint: string,
    @Body({ schema: deviceSettings }) settings: DeviceSettings,
  ): Promise<DeviceSettings> {
    return (await this.#northbound.setProfile(endpoint, { settings })).settings;
  }

  /** The caller administers the tenant that it is taken from already, and has to administer the one that it goes to. */
  @Put('tenant')
  async setTenant(
    @Param('endpoint', { schema: endpointName }) endpoint: string,
    @Body({ schema: tenantOfEndpoint }) { tenant }: TenantOfEndpoint,
    @RequestCaller() caller: Caller,
  ): Promise<TenantOfEndpoint> {
    if (!caller.may('administer', tenant)) {
      throw new ApiError(403, 'ACCESS_DENIED', 'The caller may not do this', { detail: `It takes a grant to administer ${tenant}.` });
    }
    return { tenant: await this.#northbound.setTenant(endpoint, tenant) };
  }

  async #profile(endpoint: string): Promise<DeviceProfile> {
    const profile = await this.#northbound.profile(endpoint);
    if (profile === undefined) throw endpointUnknown(endpoint);
    return profile;
  }
}
