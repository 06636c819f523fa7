import type { JsonObject } from '../format/hf-folder.ts';
import { ConfigFields, MAX_LAYERS } from './config-fields.ts';

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

  /** The value, whatever its type; null counts as absent. */
  value(name: string): unknown {
    return this.json[name] ?? undefined;
  }

  /** Newer writers nest the base: `rope_parameters: { rope_theta, rope_type: "default" }`. */
  ropeTheta(): number {
    const value = this.json.rope_theta ?? objectOf(this.json.rope_parameters)?.rope_theta;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    return this.bad('rope_theta', value, 'a number', Number.NaN);
  }

  /** How positions are stretched: the fields of `rope_scaling`, or of newer writers' `rope_parameters`, and their type. */
  ropeScaling(): { readonly type: unknown; readonly fields: JsonObject } {
    const fields = objectOf(this.json.rope_scaling) ?? objectOf(this.json.rope_parameters) ?? {};
    return { type: fields.rope_type ?? fields.type ?? 'default', fields };
  }

  ropeScalingNumber(name: string): number {
    const value = this.ropeScaling().fields[name];
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
    return this.bad(`rope_scaling.${name}`, value, 'a number above 0', Number.NaN);
  }

  refuseRopeScaling(): void {
    const { type } = this.ropeScaling();
    this.refuseIf(type !== 'default', `rope scaling of type ${JSON.stringify(type)}`);
  }

  /** Networks are SwiGLU throughout. */
  refuseOtherActivations(): void {
    const activation = this.value('hidden_act') ?? 'silu';
    this.refuseIf(activation !== 'silu', `the activation ${JSON.stringify(activation)}`);
  }

  private bad<T>(name: string, value: unknown, expected: string, placeholder: T): T {
    this.problems.push(
      value === undefined || value === null
        ? `"${name}" is missing`
        : `"${name}" is ${JSON.stringify(value)}, expected ${expected}`,
    );
    return placeholder;
  }
}

function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : undefined;
}
