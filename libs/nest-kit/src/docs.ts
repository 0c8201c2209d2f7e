/** Serves the OpenAPI document and its page from the files of the swagger-ui package: nothing is fetched from elsewhere. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/** `/api/openapi.json` and `/api/docs`. */
export function serveDocs(app: NestFastifyApplication, document: object): void {
  SwaggerModule.setup('api/docs', app, document as OpenAPIObject, {
    jsonDocumentUrl: 'api/openapi.json',
    raw: ['json'],
    customSiteTitle: 'LwM2M server REST API',
  });
}
