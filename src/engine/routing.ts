import { integersOf } from '../backend/backend.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { routedLayers } from '../model/weights.ts';

/** Expert ids, a byte each where 256 numbers suffice. */
export type ExpertIds = Uint8Array | Uint16Array;

/**
 * Where the router sent tokens: reads the routing of single rows out of a step's outputs, and counts what it has read.
 * Only requests that ask for their routing are read and counted; the others cost nothing.
 */
export class Routing {
  /** Layers that have experts, in order; an `ExpertIds` has one row of `numChosen` for each. */
  readonly layers: readonly number[];
  readonly numExperts: number;
  /** K, experts for each token; in a row the best comes first. */
  readonly numChosen: number;
  /** The step's outputs that hold the routing. */
  readonly outputs: readonly string[];
  private readonly counts_LE: Float64Array;
  private tokens = 0;

  constructor(config: ModelConfig) {
    const routed = routedLayers(config);
    this.layers = routed.map(({ layer }) => layer);
    this.numExperts = routed[0]?.numExperts ?? 0;
    this.numChosen = routed[0]?.numChosen ?? 0;
    this.outputs = this.layers.map((layer) => `experts.${layer}`);
    this.counts_LE = new Float64Array(routed.length * this.numExperts);
  }

  /** The experts of one output row of a step: [layers, K]. */
  read(outputs: Readonly<Record<string, Float32Array>>, row: number): ExpertIds {
    const { numChosen, numExperts } = this;
    const length = this.layers.length * numChosen;
    const experts_LK = numExperts <= 256 ? new Uint8Array(length) : new Uint16Array(length);
    this.outputs.forEach((name, i) => {
      const chosen_OK = integersOf(outputs[name]);
      for (let k = 0; k < numChosen; k++) {
        const expert = chosen_OK[row * numChosen + k];
        experts_LK[i * numChosen + k] = expert;
        this.counts_LE[i * numExperts + expert]++;
      }
    });
    this.tokens++;
    return experts_LK;
  }

  /** How many tokens were read, and how often each expert of each layer was chosen for them. */
  counts(): { readonly tokens: number; readonly layers: readonly { layer: number; counts: number[] }[] } {
    const { numExperts } = this;
    return {
      tokens: this.tokens,
      layers: this.layers.map((layer, i) => ({
        layer,
        counts: Array.from(this.counts_LE.subarray(i * numExperts, (i + 1) * numExperts)),
      })),
    };
  }
}
