import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { openApiPage } from '../docs/openapi-page.ts';

interface Operation {
  operationId: string;
  summary: string;
  responses: Record<string, unknown>;
}

test('the document is OpenAPI 3.1 by its own schema, and names every operation once', async () => {
  const document = JSON.parse(openApiPage()) as { openapi: string; paths: Record<string, Record<string, Operation>> };
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(validator.version).toBe('3.1');
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  const ids = operations.map((o) => o.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(operations.filter((o) => !o.summary.endsWith('.'))).toEqual([]);
  expect(document.paths['/api/runs/{id}']?.['get']?.responses).toHaveProperty('200');
});

test('every reference of the document leads somewhere', () => {
  const text = openApiPage();
  const { components } = JSON.parse(text) as { components: { schemas: Record<string, unknown> } };
  const named = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(name in components.schemas))).toEqual([]);
});
