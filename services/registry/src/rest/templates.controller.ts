/** Observation templates: what should be observed at every device that matches. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Query } from '@nestjs/common';
import {
  observationTemplate, type ObservationTemplate, type ObservationTemplateView, type PageQuery, pageQuery, type TemplateEndpoints, templateName, type TemplateTotals as Totals,
} from '@cluster/contracts';
import { Selection } from '@cluster/fleet';
import { ApiError, type Caller, checkChange, fromCursor, ownerOf, RequestCaller, sees, toCursor } from '@cluster/nest-kit';
import type { NorthboundPort, TemplatePort } from '../northbound-port.ts';
import { TemplateTotals } from '../templates/template-totals.ts';
import { NORTHBOUND, OBSERVATION_TEMPLATES } from '../tokens.ts';

@Controller('api/v1/observation-templates')
export class TemplatesController {
  readonly #templates: TemplatePort;
  readonly #northbound: NorthboundPort;
  readonly #selection: Selection;
  readonly #totals: TemplateTotals;

  constructor(
    @Inject(OBSERVATION_TEMPLATES) templates: TemplatePort,
    @Inject(NORTHBOUND) northbound: NorthboundPort,
    selection: Selection,
    totals: TemplateTotals,
  ) {
    this.#templates = templates;
    this.#northbound = northbound;
    this.#selection = selection;
    this.#totals = totals;
  }

  @Get()
  async list(@RequestCaller() caller: Caller): Promise<ObservationTemplateView[]> {
    return (await this.#templates.list()).filter((template) => sees(caller, template));
  }

  @Get(':name')
  async show(@Param('name') name: string, @RequestCaller() caller: Caller): Promise<ObservationTemplateView> {
    const template = await this.#templates.get(name);
    if (template === undefined || !sees(caller, template)) throw templateUnknown(name);
    return template;
  }

  @Put(':name')
  async put(
    @Param('name', { schema: templateName }) name: string,
    @Body({ schema: observationTemplate }) template: ObservationTemplate,
    @RequestCaller() caller: Caller,
  ): Promise<ObservationTemplateView> {
    const owner = ownerOf(caller, 'operate', await this.#templates.get(name), name);
    const put = await this.#templates.put(name, { ...template, ...owner });
    if (put.outcome === 'malformed') {
      throw new ApiError(400, 'TEMPLATE_MALFORMED', 'The template has observations that can not exist', { faults: put.faults });
    }
    if (put.outcome === 'full') throw new ApiError(409, 'TEMPLATES_FULL', 'There are as many templates as the cluster holds');
    return put.template;
  }

  /** Endpoints at which another template, or their own list, decides are not among them. */
  @Get(':name/endpoints')
  async endpoints(
    @Param('name') name: string,
    @Query({ schema: pageQuery }) { limit, cursor }: PageQuery,
    @RequestCaller() caller: Caller,
  ): Promise<TemplateEndpoints> {
    const { endpointPattern, labels } = (await this.show(name, caller)).match;
    const narrowed = { ...(endpointPattern === undefined ? {} : { endpointPattern }), ...(labels === undefined ? {} : { labels }) };
    const { names, more } = await this.#selection.candidates(narrowed, fromCursor(cursor), limit);
    const last = more ? names.at(-1) : undefined;
    return { endpoints: await this.#northbound.observedFor(name, names, caller.ownTenant), ...(last === undefined ? {} : { next: toCursor(last) }) };
  }

  @Get(':name/totals')
  async total(@Param('name') name: string, @RequestCaller() caller: Caller): Promise<Totals> {
    return this.#totals.of(await this.show(name, caller), caller.ownTenant);
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Param('name') name: string, @RequestCaller() caller: Caller): Promise<void> {
    checkChange(caller, 'operate', await this.show(name, caller), () => templateUnknown(name));
    if (!(await this.#templates.remove(name))) throw templateUnknown(name);
  }
}

function templateUnknown(name: string): ApiError {
  return new ApiError(404, 'TEMPLATE_UNKNOWN', 'There is no such template', { detail: name });
}
