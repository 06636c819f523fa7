export type SchemaObject = { readonly [keyword: string]: unknown };
export type Schema = SchemaObject | boolean;

export const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
export type JsonType = (typeof TYPES)[number];

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The types that a schema names, `null` of OpenAPI's `nullable` among them; undefined if it names none. */
export function namedTypes({ type, nullable }: SchemaObject): readonly JsonType[] | undefined {
  if (type === undefined) return undefined;
  const names = (Array.isArray(type) ? type : [type]) as JsonType[];
  return nullable === true && !names.includes('null') ? [...names, 'null'] : names;
}

/** The schemas of the first items, and that of all others (undefined: any), in the words of either draft. */
export function itemSchemas({ items, prefixItems, additionalItems }: SchemaObject): {
  readonly first: readonly Schema[];
  readonly rest: Schema | undefined;
} {
  if (Array.isArray(items)) return { first: items as Schema[], rest: additionalItems as Schema | undefined };
  return { first: (prefixItems ?? []) as Schema[], rest: items as Schema | undefined };
}

export interface Bound {
  readonly value: number;
  readonly isExclusive: boolean;
}

/** The bounds of numbers on one side. Draft 4 says by `true` that the other keyword's value is not included. */
export function boundsOf(schema: SchemaObject, side: 'Minimum' | 'Maximum'): Bound[] {
  const inclusive = schema[side === 'Minimum' ? 'minimum' : 'maximum'] as number | undefined;
  const exclusive = schema[`exclusive${side}`] as number | boolean | undefined;
  return [
    ...(inclusive === undefined ? [] : [{ value: inclusive, isExclusive: exclusive === true }]),
    ...(typeof exclusive === 'number' ? [{ value: exclusive, isExclusive: true }] : []),
  ];
}
