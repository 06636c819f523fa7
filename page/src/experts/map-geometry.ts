import type { ExpertLayout } from '../core/recording.ts';

/** Where the map's cells lie, in CSS pixels. */
export interface Geometry {
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly gap: number;
  readonly barLeft: number;
  readonly barWidth: number;
  readonly width: number;
  readonly height: number;
}

export interface Cell {
  readonly layerIndex: number;
  readonly expert: number;
}

/** Columns other than the experts' numbers: [layers, experts] each way. */
export interface Order {
  readonly columnOf: Uint16Array;
  readonly expertAt: Uint16Array;
}

const AXIS_WIDTH = 26;
const AXIS_HEIGHT = 18;
const BAR_WIDTH = 36;
const BAR_GAP = 8;
const LARGEST_CELL = 22;
const SMALLEST_ROW = 5;
/** The map of a deep model should fit on a screen with the text above it. */
const MOST_HEIGHT = 430;

export function layOut({ layers, numExperts }: ExpertLayout, width: number): Geometry {
  const room = Math.max(60, width - AXIS_WIDTH - BAR_WIDTH - BAR_GAP);
  const cellWidth = Math.min(LARGEST_CELL, room / numExperts);
  const fitting = MOST_HEIGHT / layers.length;
  const cellHeight = Math.max(SMALLEST_ROW, Math.min(LARGEST_CELL, fitting, Math.max(cellWidth * 2, 7)));
  const barLeft = AXIS_WIDTH + cellWidth * numExperts + BAR_GAP;
  return {
    left: AXIS_WIDTH,
    top: AXIS_HEIGHT,
    cellWidth,
    cellHeight,
    gap: Math.min(cellWidth, cellHeight) >= 7 ? 2 : cellWidth >= 3 ? 1 : 0,
    barLeft,
    barWidth: BAR_WIDTH,
    width: barLeft + BAR_WIDTH,
    height: AXIS_HEIGHT + cellHeight * layers.length + 2,
  };
}

export function cellAt(
  geometry: Geometry,
  { layers, numExperts }: ExpertLayout,
  order: Order | undefined,
  x: number,
  y: number,
): Cell | undefined {
  const column = Math.floor((x - geometry.left) / geometry.cellWidth);
  const layerIndex = Math.floor((y - geometry.top) / geometry.cellHeight);
  if (column < 0 || column >= numExperts || layerIndex < 0 || layerIndex >= layers.length) return undefined;
  return { layerIndex, expert: order ? order.expertAt[layerIndex * numExperts + column] : column };
}

/** Each layer's experts from the busiest to the rarest; ties keep the order of their numbers. */
export function busiestFirst({ layers, numExperts }: ExpertLayout, counts: Float64Array): Order {
  const columnOf = new Uint16Array(counts.length);
  const expertAt = new Uint16Array(counts.length);
  for (let layer = 0; layer < layers.length; layer++) {
    const row = counts.subarray(layer * numExperts, (layer + 1) * numExperts);
    const experts = Array.from(row, (_, expert) => expert).sort((a, b) => row[b] - row[a] || a - b);
    experts.forEach((expert, column) => {
      expertAt[layer * numExperts + column] = expert;
      columnOf[layer * numExperts + expert] = column;
    });
  }
  return { columnOf, expertAt };
}
