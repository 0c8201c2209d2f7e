/** Serves the OpenAPI document and its page, and the AsyncAPI document, from the files of the swagger-ui package: nothing is fetched from elsewhere. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/** `/api/openapi.json`, `/api/docs` and `/api/asyncapi.json`. */
export function serveDocs(app: NestFastifyApplication, document: object, events: object): void {
  app.getHttpAdapter().getInstance().get('/api/asyncapi.json', () => events);
  SwaggerModule.setup('api/docs', app, document as OpenAPIObject, {
    jsonDocumentUrl: 'api/openapi.json',
    raw: ['json'],
    customSiteTitle: 'LwM2M server REST API',
  });
}
