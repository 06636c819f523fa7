import type { GgufValue } from '../format/gguf-values.ts';
import type { ModelConfig } from './architecture.ts';
import { architectureOf, findArchitecture } from './architectures.ts';
import { checkConfig } from './config.ts';
import { type GgufFacts, GgufFields } from './gguf-fields.ts';

/**
 * Read the keys of the file's architecture. Throws `FormatError` naming every missing or malformed key,
 * `UnsupportedError` for unknown architectures and for variants of known ones.
 */
export function configFromGguf(file: GgufFacts, origin: string): ModelConfig {
  const name = file.metadata.get('general.architecture')?.value;
  const architecture = findArchitecture(name, (known) => known.name, origin);
  const fields = new GgufFields(file, architecture.name);
  const config = architecture.readGguf(fields);
  fields.finish(
    origin,
    architecture.title,
    'the conversion left keys out; convert the model again with a current converter',
  );
  return checkConfig(config, origin);
}

/** The reverse: all keys of the network. */
export function configToGguf(config: ModelConfig): [key: string, value: GgufValue][] {
  const { name, writeGguf } = architectureOf(config);
  return writeGguf(config).map(([key, value]) => [`${name}.${key}`, value]);
}
