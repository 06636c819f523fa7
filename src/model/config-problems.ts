/** "numLayers = 0" for each of the keys whose value is not a count. */
export function notPositive<C extends object>(config: C, keys: readonly (keyof C & string)[]): string[] {
  return keys.flatMap((key) => {
    const value: unknown = config[key];
    // 2^31 bounds every single axis; products are checked against the file when tensors are bound.
    const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value < 2 ** 31;
    return isCount ? [] : [`${key} = ${String(value)}`];
  });
}
