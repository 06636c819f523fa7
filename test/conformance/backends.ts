import type { Backend } from '../../src/backend/backend.ts';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';

/** A backend that is compared with the reference, or why it is not. */
export type Candidate =
  | { readonly name: string; readonly backend: Backend }
  | { readonly name: string; readonly backend: undefined; readonly why: string };

export function candidates(): Candidate[] {
  return [{ name: 'native', ...openNativeBackend({ threads: 2 }) }];
}

const FUSED = 'the compiler always fuses it into chooseExperts there';
const TRAINING = 'training runs on the reference backend';

/** Ops that a backend has no kernel for, and why it needs none. Whatever is not listed here must be there and agree. */
export const skipped: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  native: {
    accumulate: TRAINING,
    accumulateGroupedLinear: TRAINING,
    accumulateLinear: TRAINING,
    accumulateRows: TRAINING,
    adamw: TRAINING,
    after: 'an alias needs no kernel',
    balanceWeights: TRAINING,
    causalAttention: TRAINING,
    causalAttentionGrad: TRAINING,
    countExperts: TRAINING,
    crossEntropy: TRAINING,
    crossEntropyGrad: TRAINING,
    fullLike: TRAINING,
    groupedLinearGradInput: TRAINING,
    groupedLinearGradWeight: TRAINING,
    limitGroups: FUSED,
    linearCrossEntropy: TRAINING,
    linearCrossEntropyGrad: TRAINING,
    linearGradInput: TRAINING,
    linearGradWeight: TRAINING,
    normalizeRowsGrad: TRAINING,
    reshape: 'an alias needs no kernel',
    rmsNormGradInput: TRAINING,
    rmsNormGradWeight: TRAINING,
    ropeGrad: TRAINING,
    scatterAddColumns: TRAINING,
    scatterAddRows: TRAINING,
    sigmoidGrad: TRAINING,
    siluGrad: TRAINING,
    sumRows: TRAINING,
    sumSquares: TRAINING,
    swigluGradGate: TRAINING,
    takeColumns: TRAINING,
    topK: FUSED,
    weightedSumGradRows: TRAINING,
    weightedSumGradWeights: TRAINING,
  },
};

/** Why an op is not run on a backend; undefined where it must be. */
export function reasonToSkip(candidate: Candidate, op: string): string | undefined {
  return candidate.backend === undefined ? candidate.why : skipped[candidate.name][op];
}
