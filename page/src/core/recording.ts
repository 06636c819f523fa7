/** How the experts of a model are laid out. */
export interface ExpertLayout {
  /** Numbers of the layers that have experts. */
  readonly layers: readonly number[];
  readonly numExperts: number;
  /** Experts chosen for each token in each layer. */
  readonly numChosen: number;
}

/**
 * Which experts the tokens of one answer were routed to. Row `t` of `ids` is [layers, numChosen], best expert first;
 * `pieces[t]` is the text that became certain with token t (text that several tokens share belongs to the last of them).
 */
export interface Recording {
  readonly layout: ExpertLayout;
  readonly pieces: readonly string[];
  readonly ids: Uint16Array;
}

/** Grows while an answer streams. */
export class Recorder {
  private readonly layout: ExpertLayout;
  private readonly pieces: string[] = [];
  private ids = new Uint16Array(0);
  private length = 0;

  constructor(layout: ExpertLayout) {
    this.layout = layout;
  }

  /** Text and the routing of its tokens, as one chunk of the stream brings them; either may be empty. */
  add(text: string, bytes: Uint8Array | undefined): void {
    const width = rowLength(this.layout);
    const chunk = bytes ? idsFromBytes(bytes, this.layout.numExperts) : new Uint16Array(0);
    const numTokens = width > 0 ? Math.floor(chunk.length / width) : 0;
    if (numTokens === 0) {
      // Text that was held back comes without a token of its own.
      if (text !== '' && this.pieces.length > 0) this.pieces[this.pieces.length - 1] += text;
      return;
    }
    const end = this.length + numTokens * width;
    if (end > this.ids.length) {
      const larger = new Uint16Array(Math.max(end, 2 * this.ids.length));
      larger.set(this.ids);
      this.ids = larger;
    }
    this.ids.set(chunk.subarray(0, numTokens * width), this.length);
    this.length = end;
    for (let i = 1; i < numTokens; i++) this.pieces.push('');
    this.pieces.push(text);
  }

  get recording(): Recording {
    return { layout: this.layout, pieces: [...this.pieces], ids: this.ids.subarray(0, this.length) };
  }
}

function rowLength({ layers, numChosen }: ExpertLayout): number {
  return layers.length * numChosen;
}

export function numTokens({ layout, ids }: Recording): number {
  return rowLength(layout) > 0 ? ids.length / rowLength(layout) : 0;
}

/** The experts of a token in the layer of a given index, best first. */
export function chosenExperts({ layout, ids }: Recording, token: number, layerIndex: number): Uint16Array {
  const start = token * rowLength(layout) + layerIndex * layout.numChosen;
  return ids.subarray(start, start + layout.numChosen);
}

/** A byte for each id, or two (low byte first) where the model has more than 256 experts. */
function idsFromBytes(bytes: Uint8Array, numExperts: number): Uint16Array {
  if (numExperts <= 256) return Uint16Array.from(bytes);
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes[2 * i] | (bytes[2 * i + 1] << 8));
}

export function bytesFromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** As plain JSON. */
export function packRecording({ layout, pieces, ids }: Recording): unknown {
  let binary = '';
  for (const id of ids) binary += String.fromCharCode(id & 255, id >> 8);
  return { ...layout, pieces, ids: btoa(binary) };
}

/** Undefined for anything that does not fit together. */
export function unpackRecording(packed: unknown): Recording | undefined {
  const { layers, numExperts, numChosen, pieces, ids } = (packed ?? {}) as Record<string, unknown>;
  const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;
  if (
    !Array.isArray(layers) ||
    !layers.every(Number.isInteger) ||
    !isCount(numExperts) ||
    !isCount(numChosen)
  )
    return undefined;
  if (
    !Array.isArray(pieces) ||
    !pieces.every((piece) => typeof piece === 'string') ||
    typeof ids !== 'string'
  )
    return undefined;
  const layout: ExpertLayout = { layers: layers as number[], numExperts, numChosen };
  try {
    const numbers = idsFromBytes(bytesFromBase64(ids), Number.POSITIVE_INFINITY);
    const fits =
      numbers.length === pieces.length * rowLength(layout) && numbers.every((id) => id < numExperts);
    return fits ? { layout, pieces: pieces as string[], ids: numbers } : undefined;
  } catch {
    return undefined;
  }
}
