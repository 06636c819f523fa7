import type { ExpertLayout } from '../core/recording.ts';

/** From the first to before the last. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Which cells are drawn, and where they lie, in CSS pixels. */
export interface Geometry {
  readonly columns: Range;
  readonly rows: Range;
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
/** Smaller cells are enlarged for a mouse, and for a finger (which WCAG 2.5.8 gives 24 pixels). */
const MOUSE_CELL = 3;
const FINGER_CELL = 20;
const ENLARGED_CELL = 28;
/** A map with an enlarged part below it leaves room for that. */
export const HEIGHT_ABOVE_PART = 300;
const ENLARGED_ROWS = 8;
/** The map of a deep model should fit on a screen with the text above it. */
const MOST_HEIGHT = 430;

export function layOut(
  { layers, numExperts }: ExpertLayout,
  width: number,
  mostHeight = MOST_HEIGHT,
): Geometry {
  const room = Math.max(60, width - AXIS_WIDTH - BAR_WIDTH - BAR_GAP);
  const cellWidth = Math.min(LARGEST_CELL, room / numExperts);
  const fitting = mostHeight / layers.length;
  const cellHeight = Math.max(SMALLEST_ROW, Math.min(LARGEST_CELL, fitting, Math.max(cellWidth * 2, 7)));
  const barLeft = AXIS_WIDTH + cellWidth * numExperts + BAR_GAP;
  return {
    columns: { from: 0, to: numExperts },
    rows: { from: 0, to: layers.length },
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

/** Whether a pointer can choose single cells of this map: a finger needs far larger ones than a mouse. */
export function canChoose({ cellWidth, cellHeight }: Geometry, isFinger: boolean): boolean {
  return Math.min(cellWidth, cellHeight) >= (isFinger ? FINGER_CELL : MOUSE_CELL);
}

/** The part of a map around a cell, so large that a finger can choose one. Bars have no room here. */
export function enlarge(
  { layers, numExperts }: ExpertLayout,
  width: number,
  column: number,
  row: number,
): Geometry {
  const columns = around(column, Math.floor((width - AXIS_WIDTH) / ENLARGED_CELL), numExperts);
  const rows = around(row, ENLARGED_ROWS, layers.length);
  return {
    columns,
    rows,
    left: AXIS_WIDTH,
    top: AXIS_HEIGHT,
    cellWidth: ENLARGED_CELL,
    cellHeight: ENLARGED_CELL,
    gap: 2,
    barLeft: 0,
    barWidth: 0,
    width: AXIS_WIDTH + ENLARGED_CELL * (columns.to - columns.from),
    height: AXIS_HEIGHT + ENLARGED_CELL * (rows.to - rows.from) + 2,
  };
}

function around(at: number, length: number, total: number): Range {
  const count = Math.min(Math.max(1, length), total);
  const from = Math.min(total - count, Math.max(0, at - Math.floor(count / 2)));
  return { from, to: from + count };
}

/** The middle of a column. */
export function xOf({ left, columns, cellWidth }: Geometry, column: number): number {
  return left + (column - columns.from + 0.5) * cellWidth;
}

/** The middle of a row. */
export function yOf({ top, rows, cellHeight }: Geometry, row: number): number {
  return top + (row - rows.from + 0.5) * cellHeight;
}

export function isDrawn({ columns, rows }: Geometry, row: number, column: number): boolean {
  return row >= rows.from && row < rows.to && column >= columns.from && column < columns.to;
}

export function cellAt(
  geometry: Geometry,
  { numExperts }: ExpertLayout,
  order: Order | undefined,
  x: number,
  y: number,
): Cell | undefined {
  const column = geometry.columns.from + Math.floor((x - geometry.left) / geometry.cellWidth);
  const layerIndex = geometry.rows.from + Math.floor((y - geometry.top) / geometry.cellHeight);
  if (!isDrawn(geometry, layerIndex, column)) return undefined;
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
