import type { Context } from 'hono';
import { z } from 'zod';
import type { AppEnv, Route, ServerContext } from '../context.ts';
import { FIELD_FACTS } from '../openai/validate.ts';
import { VERSION } from '../version.ts';

/** `GET /openapi.json`: the routes with the declarations that check their requests. */
export function openapi(routes: () => readonly Route[]) {
  let document: object | undefined;
  return (c: Context<AppEnv>, { settings }: ServerContext): Response => {
    document ??= describeRoutes(routes(), settings.apiKeys.length > 0);
    return c.json(document);
  };
}

function describeRoutes(routes: readonly Route[], needsKey: boolean): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    for (const path of route.paths) {
      // `:id{.+}` of the router is `{id}` here.
      const name = path.replace(/:(\w+)(?:\{[^}]*\})?/g, '{$1}');
      paths[name] ??= {};
      paths[name][route.method.toLowerCase()] = operation(route, name);
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'dots.ts', version: VERSION },
    paths,
    ...(needsKey && {
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    }),
  };
}

function operation(route: Route, path: string): object {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const isJson = (schema: object): object => ({ content: { 'application/json': { schema } } });
  return {
    ...(parameters.length > 0 && { parameters }),
    ...(route.isPublic && { security: [] }),
    ...(route.body && { requestBody: { required: true, ...isJson(jsonSchema(route.body)) } }),
    responses: {
      200: { description: 'the answer' },
      default: { description: 'an error', ...isJson({ type: 'object' }) },
    },
  };
}

/** What a request may hold: fields that are refused are left out, the notes of the others are their descriptions. */
function jsonSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema: json }) {
      const facts = FIELD_FACTS.get(zodSchema);
      if (facts) json.description = facts.note;
      const { shape } = zodSchema._zod.def as { shape?: Record<string, z.core.$ZodType> };
      for (const [name, type] of Object.entries(shape ?? {}))
        if (FIELD_FACTS.get(type)?.use === 'refused') delete json.properties?.[name];
    },
  });
  return rest;
}
