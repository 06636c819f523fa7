import type { Fallbacks } from '../dtype/fallback-types.ts';
import type { TypeRule } from '../quantize/type-plan.ts';
import type { CommonFlags, SizeBudget } from './options.ts';

export interface QuantizeFlags extends CommonFlags {
  readonly type?: string;
  readonly budget?: SizeBudget;
  readonly decodeBudget?: number;
  readonly calibration?: readonly string[];
  readonly field: string;
  readonly texts: number;
  readonly objective: 'kl' | 'weight-error';
  readonly recipe?: string;
  readonly pure?: boolean;
  readonly tensorType?: readonly TypeRule[];
  readonly outputType?: string;
  readonly embeddingType?: string;
  readonly imatrix?: readonly string[];
  readonly fallbacks: Fallbacks;
  readonly splitSize?: number;
  readonly keepSplit?: boolean;
  readonly requantize?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}
