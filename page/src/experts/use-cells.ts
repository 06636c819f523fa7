import { useState } from 'preact/hooks';
import type { Cell } from './map-geometry.ts';

export interface Cells {
  /** Under the pointer, or where the arrow keys are. */
  readonly cursor: Cell | undefined;
  /** Stays marked until it is chosen again. */
  readonly pinned: Cell | undefined;
  readonly point: (cell: Cell | undefined) => void;
  readonly togglePin: (cell: Cell) => void;
}

/** The cells of the map that are singled out. */
export function useCells(): Cells {
  const [cursor, point] = useState<Cell | undefined>(undefined);
  const [pinned, setPinned] = useState<Cell | undefined>(undefined);
  return {
    cursor,
    pinned,
    point,
    togglePin: (cell) => setPinned((before) => (sameCell(cell, before) ? undefined : cell)),
  };
}

function sameCell(a: Cell, b: Cell | undefined): boolean {
  return a.layerIndex === b?.layerIndex && a.expert === b.expert;
}
