import type { JsonObject } from '../format/hf-folder.ts';
import { ConfigFields, MAX_LAYERS } from './config-fields.ts';

/** What may be next to the base of the rotation without changing it. */
const PLAIN_ROPE = new Set(['rope_theta', 'rope_type', 'type', 'partial_rotary_factor']);

/**
 * Reads the fields of a `config.json`. Absent fields are never filled from transformers' class defaults: those describe
 * another network.
 */
export class HfFields extends ConfigFields {
  private readonly json: JsonObject;

  constructor(json: JsonObject) {
    super();
    this.json = json;
  }

  number(name: string, fallback?: number): number {
    const value = this.json[name] ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return this.bad(name, value, 'a number', Number.NaN);
  }

  numLayers(): number {
    const count = this.number('num_hidden_layers');
    if (!(count > MAX_LAYERS)) return count;
    return this.bad('num_hidden_layers', count, `at most ${MAX_LAYERS}`, Number.NaN);
  }

  boolean(name: string, fallback?: boolean): boolean {
    const value = this.json[name] ?? fallback;
    if (typeof value === 'boolean') return value;
    return this.bad(name, value, 'true or false', false);
  }

  /** Empty where it is absent. */
  list(name: string): readonly unknown[] {
    const value = this.value(name) ?? [];
    return Array.isArray(value) ? value : this.bad(name, value, 'a list', []);
  }

  /** The value, whatever its type; null counts as absent. */
  value(name: string): unknown {
    return this.json[name] ?? undefined;
  }

  /** A number that goes by several names, of which a file may have one or more. */
  numberOf(names: readonly string[]): number {
    const given = names.filter((name) => this.value(name) !== undefined);
    this.sameEverywhere(given.map((name) => [name, this.value(name)]));
    return this.number(given[0] ?? names[0]);
  }

  /** Newer writers nest the base: `rope_parameters: { rope_theta, rope_type: "default" }`. */
  ropeTheta(): number {
    const places: [string, unknown][] = [
      ['rope_theta', this.json.rope_theta],
      ...this.ropeFields().map(([name, fields]): [string, unknown] => [
        `${name}.rope_theta`,
        fields.rope_theta,
      ]),
    ];
    const given = places.filter(([, value]) => value !== undefined && value !== null);
    this.sameEverywhere(given);
    const value = given[0]?.[1];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return this.bad('rope_theta', value, 'a number', Number.NaN);
  }

  /** How positions are stretched: the fields of `rope_scaling`, or of newer writers' `rope_parameters`, and their type. */
  ropeScaling(): { readonly type: unknown; readonly fields: JsonObject } {
    const found = this.ropeFields();
    const types = found.flatMap(([name, fields]) =>
      ['rope_type', 'type']
        .filter((field) => fields[field] !== undefined && fields[field] !== null)
        .map((field): [string, unknown] => [`${name}.${field}`, fields[field]]),
    );
    this.sameEverywhere(types);
    const [fields = {}, others = {}] = found.map(([, one]) => one);
    for (const [name, value] of Object.entries(fields))
      if (name in others && typeof value === 'number')
        this.sameEverywhere([
          [`rope_scaling.${name}`, value],
          [`rope_parameters.${name}`, others[name]],
        ]);
    // Readers differ on what a scaling without a type means.
    const isPlain = found.every(([, one]) => Object.keys(one).every((name) => PLAIN_ROPE.has(name)));
    const type = types[0]?.[1] ?? (isPlain ? 'default' : undefined);
    // Linear scaling by 1 changes nothing.
    return { type: type === 'linear' && fields.factor === 1 ? 'default' : type, fields };
  }

  private ropeFields(): [name: string, fields: JsonObject][] {
    return ['rope_scaling', 'rope_parameters'].flatMap((name): [string, JsonObject][] => {
      const value = this.value(name);
      if (value === undefined) return [];
      const fields = objectOf(value);
      return fields ? [[name, fields]] : this.bad(name, value, 'an object', []);
    });
  }

  /** Readers differ on which of two values counts, so neither is taken. */
  private sameEverywhere(places: readonly (readonly [name: string, value: unknown])[]): void {
    if (new Set(places.map(([, value]) => value)).size < 2) return;
    const problem = places.map(([name, value]) => `"${name}" is ${JSON.stringify(value)}`).join(', but ');
    if (!this.problems.includes(problem)) this.problems.push(problem);
  }

  ropeScalingNumber(name: string): number {
    const value = this.ropeScaling().fields[name];
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
    return this.bad(`rope_scaling.${name}`, value, 'a number above 0', Number.NaN);
  }

  refuseRopeScaling(): void {
    const { type } = this.ropeScaling();
    this.refuseIf(
      type !== 'default',
      type === undefined ? 'rope scaling without a type' : `rope scaling of type ${JSON.stringify(type)}`,
    );
  }

  /** Heads are rotated in full. */
  refusePartialRotation(): void {
    for (const fields of [this.json, ...this.ropeFields().map(([, one]) => one)]) {
      const share = fields.partial_rotary_factor ?? 1;
      this.refuseIf(share !== 1, `rotation of a share of ${JSON.stringify(share)} of each head`);
    }
  }

  /** Networks are SwiGLU throughout. */
  refuseOtherActivations(): void {
    const activation = this.value('hidden_act') ?? 'silu';
    this.refuseIf(activation !== 'silu', `the activation ${JSON.stringify(activation)}`);
  }

  private bad<T>(name: string, value: unknown, expected: string, placeholder: T): T {
    const problem =
      value === undefined || value === null
        ? `"${name}" is missing`
        : `"${name}" is ${JSON.stringify(value)}, expected ${expected}`;
    if (!this.problems.includes(problem)) this.problems.push(problem);
    return placeholder;
  }
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}
