// What of a run's file has changed since it began. Data is compared by content, the model by shape; the rest is reported.

/** Fields that change what is measured or written, not what is learnt, and those that are compared elsewhere. */
const UNIMPORTANT =
  /^(?:out|validation|checkpoint|logEverySteps|recompute|tokenizer|data|laterData|model|initFrom)(?:\.|$)/;

/** "learningRate.peak is 0.001, it was 0.002" for each field; defaults that are spelled out count as changes. */
export function runChanges(before: unknown, now: unknown): string[] {
  const [old, current] = [flattened(before), flattened(now)];
  return [...new Set([...old.keys(), ...current.keys()])]
    .filter((path) => !UNIMPORTANT.test(path) && old.get(path) !== current.get(path))
    .map((path) => `"${path}" is ${current.get(path) ?? 'left out'}, it was ${old.get(path) ?? 'left out'}`);
}

/** Each field by its path, its value as JSON. */
export function flattened(value: unknown, path = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new Map(path === '' ? [] : [[path, JSON.stringify(value)]]);
  }
  return new Map(
    Object.entries(value).flatMap(([name, inner]) => [
      ...flattened(inner, path === '' ? name : `${path}.${name}`),
    ]),
  );
}
