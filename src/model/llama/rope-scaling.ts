/**
 * How Llama 3 stretches positions beyond the length it was trained on: fast pairs turn as before, slow ones `factor` times
 * more slowly, and between the two wavelengths the share of either changes evenly. Source: transformers' `llama3` scaling.
 */
export interface RopeScaling {
  readonly factor: number;
  /** Wavelengths above `originalContextLength / lowFreqFactor` are slow, */
  readonly lowFreqFactor: number;
  /** and those below `originalContextLength / highFreqFactor` fast. */
  readonly highFreqFactor: number;
  readonly originalContextLength: number;
}

/** What the angle of each pair is divided by, [H/2]: `rope_freqs.weight` of a GGUF file. */
export function ropeFactors(
  { factor, lowFreqFactor, highFreqFactor, originalContextLength }: RopeScaling,
  theta: number,
  headSize: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: headSize / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / headSize);
    const turns = originalContextLength / wavelength;
    if (turns > highFreqFactor) return 1;
    if (turns < lowFreqFactor) return factor;
    const share = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return 1 / ((1 - share) / factor + share);
  });
}

/** What makes scaling impossible. */
export function scalingProblems(
  { factor, lowFreqFactor, highFreqFactor }: RopeScaling,
  contextLength: number,
): string[] {
  // Angles are f32.
  const fitsFloats =
    Math.fround(factor) < Number.POSITIVE_INFINITY && Number.isFinite(Math.fround(contextLength / factor));
  return [
    ...(fitsFloats ? [] : [`a rope scaling factor of ${factor}`]),
    ...(highFreqFactor > lowFreqFactor
      ? []
      : [`rope scaling from frequency ${highFreqFactor} down to ${lowFreqFactor}`]),
  ];
}
