import type { ExpertStreaming } from '../backend/backend.ts';
import { ResourceError, UnsupportedError } from '../core/errors.ts';
import { formatBytes } from '../core/units.ts';
import type { StoredWeight } from '../graph/stored-weight.ts';
import { memoryWarning } from './memory-check.ts';

export type { ExpertStreamingStats } from '../backend/backend.ts';

/** What a decision for or against streaming rests on. */
export interface StreamingNeed {
  /** What messages call the model. */
  readonly name: string;
  readonly weights: Iterable<StoredWeight>;
  readonly kvBytes: number;
  /** Whether the backend reads experts as they are chosen. */
  readonly canStream: boolean;
  /** Undefined where nobody knows. */
  readonly availableBytes: number | undefined;
}

export interface StreamingOptions {
  /** Bytes of experts to keep in memory; `auto`: streaming only where the model does not fit, and all that is free then. */
  readonly expertCache?: number | 'auto' | 'off';
  readonly expertIo?: 'direct' | 'page';
}

/** How weights are held: all mapped, or experts read when they are chosen. */
export interface StreamingPlan {
  readonly streaming?: ExpertStreaming;
  /** For whoever opens the model: what was chosen, or what is missing. */
  readonly message?: string;
}

/** Working memory of a step, and what other programs come to need: kept free where the budget is ours to choose. */
const MARGIN_SHARE = 0.05;
const MIN_MARGIN_BYTES = 512 << 20;

/**
 * Whether experts are streamed, and with how much memory. Throws `ResourceError` for a requested cache that cannot hold all
 * experts of one layer, which a single step may need.
 */
export function planStreaming(need: StreamingNeed, options: StreamingOptions): StreamingPlan {
  const sizes = weightSizes(need.weights);
  const { expertCache = 'auto', expertIo: io = 'direct' } = options;
  if (typeof expertCache === 'number') {
    if (!need.canStream || sizes.experts === 0) throw cannotStream(need);
    if (expertCache < sizes.largestLayer && io === 'direct') throw tooSmall(expertCache, sizes.largestLayer);
    return { streaming: { cacheBytes: Math.min(expertCache, sizes.experts), io } };
  }
  const { availableBytes } = need;
  const needed = sizes.resident + sizes.experts + need.kvBytes;
  if (availableBytes === undefined || needed <= availableBytes) return {};
  if (expertCache === 'off' || !need.canStream || sizes.experts === 0) {
    const weightBytes = sizes.resident + sizes.experts;
    const message = memoryWarning({ name: need.name, weightBytes, cacheBytes: need.kvBytes }, availableBytes);
    return message === undefined ? {} : { message };
  }
  const margin = Math.max(MIN_MARGIN_BYTES, MARGIN_SHARE * availableBytes);
  const left = Math.floor(availableBytes - margin - sizes.resident - need.kvBytes);
  const total = `${need.name} needs ${formatBytes(needed)} of memory, but ${formatBytes(availableBytes)} are available`;
  if (left < sizes.largestLayer) {
    const missing = formatBytes(sizes.largestLayer - left);
    return {
      message:
        `${total}; ${missing} are missing for its resident part and one layer of experts: weights will be read from disk again and again, which is ` +
        'slow. Use a file of fewer bits per weight, a shorter context (--ctx), or close other programs',
    };
  }
  const cacheBytes = Math.min(left, sizes.experts);
  const share = ((100 * cacheBytes) / sizes.experts).toFixed(0);
  return {
    streaming: { cacheBytes, io },
    message:
      `${total}: experts are read from disk as they are chosen, and ${formatBytes(cacheBytes)} of ` +
      `${formatBytes(sizes.experts)} (${share}%) are kept (--expert-cache)`,
  };
}

function cannotStream({ name, canStream }: StreamingNeed): UnsupportedError {
  return new UnsupportedError(
    canStream
      ? `${name} has no experts that could be read as they are chosen`
      : 'Only the native backend reads experts as they are chosen',
    {
      code: 'no-expert-streaming',
      hint: 'leave --expert-cache out; experts are read from one GGUF file or its shards',
    },
  );
}

function tooSmall(cacheBytes: number, neededBytes: number): ResourceError {
  return new ResourceError(
    `An expert cache of ${formatBytes(cacheBytes)} is too small: one step may need all experts of a layer, ${formatBytes(neededBytes)}`,
    {
      code: 'expert-cache-too-small',
      hint: `give at least ${neededBytes}B, or leave --expert-cache out`,
    },
  );
}

/** Matrices of experts are the weights with three axes; gate, up and down of a layer come and go together. */
function weightSizes(weights: Iterable<StoredWeight>): {
  readonly resident: number;
  readonly experts: number;
  readonly largestLayer: number;
} {
  let resident = 0;
  const layers = new Map<string, number>();
  for (const { name, shape, parts } of weights) {
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    const isStreamable = shape.length === 3 && parts.length === 1 && parts[0].file !== undefined;
    if (!isStreamable) resident += sizeBytes;
    else {
      const layer = name.slice(0, name.lastIndexOf('.'));
      layers.set(layer, (layers.get(layer) ?? 0) + sizeBytes);
    }
  }
  const ofLayers = [...layers.values()];
  return {
    resident,
    experts: ofLayers.reduce((sum, sizeBytes) => sum + sizeBytes, 0),
    largestLayer: Math.max(0, ...ofLayers),
  };
}
