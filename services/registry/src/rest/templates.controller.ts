/** Observation templates: what should be observed at every device that matches. */
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { observationTemplate, type ObservationTemplate, type ObservationTemplateView, templateName } from '@cluster/contracts';
import { ApiError } from '@cluster/nest-kit';
import type { TemplatePort } from '../northbound-port.ts';
import { OBSERVATION_TEMPLATES } from '../tokens.ts';

@Controller('api/v1/observation-templates')
export class TemplatesController {
  readonly #templates: TemplatePort;

  constructor(@Inject(OBSERVATION_TEMPLATES) templates: TemplatePort) {
    this.#templates = templates;
  }

  @Get()
  list(): Promise<ObservationTemplateView[]> {
    return this.#templates.list();
  }

  @Get(':name')
  async show(@Param('name') name: string): Promise<ObservationTemplateView> {
    const template = await this.#templates.get(name);
    if (template === undefined) throw templateUnknown(name);
    return template;
  }

  @Put(':name')
  async put(
    @Param('name', { schema: templateName }) name: string,
    @Body({ schema: observationTemplate }) template: ObservationTemplate,
  ): Promise<ObservationTemplateView> {
    const put = await this.#templates.put(name, template);
    if (put.outcome === 'malformed') {
      throw new ApiError(400, 'TEMPLATE_MALFORMED', 'The template has observations that can not exist', { faults: put.faults });
    }
    if (put.outcome === 'full') throw new ApiError(409, 'TEMPLATES_FULL', 'There are as many templates as the cluster holds');
    return put.template;
  }

  @Delete(':name')
  @HttpCode(204)
  async remove(@Param('name') name: string): Promise<void> {
    if (!(await this.#templates.remove(name))) throw templateUnknown(name);
  }
}

function templateUnknown(name: string): ApiError {
  return new ApiError(404, 'TEMPLATE_UNKNOWN', 'There is no such template', { detail: name });
}
