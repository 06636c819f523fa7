import type { ExpertLayout } from '../core/recording.ts';
import { type Cell, type Geometry, isDrawn, type Order, xOf, yOf } from './map-geometry.ts';
import { type Palette, shade } from './palette.ts';

/** What the map shows; cells are [layers, experts]. */
export interface MapPicture {
  readonly layout: ExpertLayout;
  /** 0…1, or −1…1 for differences. */
  readonly values: Float64Array;
  readonly scale: 'load' | 'difference' | 'faint';
  /** Experts of token A (1), of token B (2), of both (3). */
  readonly marks: Uint8Array;
  /** Experts of the tokens before the newest one, fading: 0…1. */
  readonly trail: Float64Array | undefined;
  /** The first choice of token A in each layer, joined by a line. */
  readonly line: readonly number[] | undefined;
  /** 0…1 for each layer, with a heading. */
  readonly bars: readonly number[];
  readonly barTitle: string;
  /** Undefined for columns in the order of the experts' numbers. */
  readonly order: Order | undefined;
  /** Labels above the first and the last column when they are in another order. */
  readonly orderTitles: readonly [string, string];
  readonly cursor: Cell | undefined;
  readonly pinned: Cell | undefined;
}

const FONT = '10px system-ui, sans-serif';
const SMALLEST_RING = 14;
const RING_WIDTH = 3.5;
/** Marked cells grow to this, so that they can be found among 128 columns. */
const SMALLEST_MARK = 5;

export function drawMap(
  context: CanvasRenderingContext2D,
  geometry: Geometry,
  picture: MapPicture,
  palette: Palette,
  enlarged?: Geometry,
): void {
  context.clearRect(0, 0, geometry.width, geometry.height);
  drawAxes(context, geometry, picture, palette);
  drawCells(context, geometry, picture, palette);
  if (geometry.barWidth > 0) drawBars(context, geometry, picture, palette);
  if (picture.line) drawLine(context, geometry, picture, picture.line, palette);
  drawMarks(context, geometry, picture, palette);
  for (const [cell, colour] of [
    [picture.pinned, palette.strong],
    [picture.cursor, palette.strong],
  ] as const) {
    if (cell) drawFrame(context, geometry, picture, cell, colour);
  }
  if (enlarged) drawEnlarged(context, geometry, enlarged, palette);
}

function drawAxes(
  context: CanvasRenderingContext2D,
  g: Geometry,
  { layout: { layers, numExperts }, order, orderTitles }: MapPicture,
  palette: Palette,
): void {
  context.font = FONT;
  context.fillStyle = palette.text;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const everyLayer = Math.max(1, Math.ceil(14 / g.cellHeight));
  const lastRow = g.rows.to - 1;
  for (let i = g.rows.from; i <= lastRow; i++) {
    const isNear = lastRow - i < everyLayer;
    if (i === lastRow || (i % everyLayer === 0 && (!isNear || i === 0)))
      context.fillText(String(layers[i]), g.left - 6, yOf(g, i));
  }
  context.textBaseline = 'alphabetic';
  if (order) {
    context.textAlign = 'left';
    if (g.columns.from === 0) context.fillText(`← ${orderTitles[0]}`, g.left, g.top - 6);
    context.textAlign = 'right';
    const right = xOf(g, g.columns.to - 0.5);
    if (g.columns.to === numExperts) context.fillText(`${orderTitles[1]} →`, right, g.top - 6);
    return;
  }
  context.textAlign = 'center';
  const step = [1, 2, 4, 8, 16, 32, 64, 128].find((n) => n * g.cellWidth >= 22) ?? numExperts;
  for (let expert = g.columns.from; expert < g.columns.to; expert += step)
    context.fillText(String(expert), xOf(g, expert), g.top - 6);
}

function drawCells(
  context: CanvasRenderingContext2D,
  g: Geometry,
  picture: MapPicture,
  palette: Palette,
): void {
  const { layout, values, scale, trail } = picture;
  const colours = palette[scale];
  const isRound = Math.min(g.cellWidth, g.cellHeight) >= 7;
  for (let layer = g.rows.from; layer < g.rows.to; layer++) {
    for (let expert = 0; expert < layout.numExperts; expert++) {
      const i = layer * layout.numExperts + expert;
      if (!isDrawn(g, layer, column(picture, i))) continue;
      const value = scale === 'difference' ? (values[i] + 1) / 2 : values[i];
      context.fillStyle = value === 0 ? palette.empty : shade(colours, value);
      fillCell(context, g, layer, column(picture, i), isRound, 0);
      if (trail && trail[i] > 0) {
        context.globalAlpha = trail[i];
        context.fillStyle = palette.a;
        fillCell(context, g, layer, column(picture, i), isRound, 0);
        context.globalAlpha = 1;
      }
    }
  }
}

/** The column of a cell, which is given by its place in [layers, experts]. */
function column({ layout, order }: MapPicture, cell: number): number {
  return order ? order.columnOf[cell] : cell % layout.numExperts;
}

function fillCell(
  context: CanvasRenderingContext2D,
  g: Geometry,
  layerIndex: number,
  column: number,
  isRound: boolean,
  smallest: number,
): void {
  const width = Math.max(smallest, g.cellWidth - g.gap);
  const height = Math.max(smallest, g.cellHeight - g.gap);
  const x = xOf(g, column);
  const y = yOf(g, layerIndex);
  if (!isRound) {
    context.fillRect(x - width / 2, y - height / 2, width, height);
    return;
  }
  context.beginPath();
  context.roundRect(x - width / 2, y - height / 2, width, height, Math.min(width, height) / 2);
  context.fill();
}

function drawMarks(
  context: CanvasRenderingContext2D,
  g: Geometry,
  picture: MapPicture,
  palette: Palette,
): void {
  const { layout, marks, scale } = picture;
  const colours = [palette.empty, palette.a, palette.b, palette.both];
  // Where there is room, the load stays visible inside of the mark.
  const isRing = scale === 'load' && Math.min(g.cellWidth, g.cellHeight) >= SMALLEST_RING;
  const isRound = Math.min(g.cellWidth, g.cellHeight) >= 7;
  for (let i = 0; i < marks.length; i++) {
    const layer = Math.floor(i / layout.numExperts);
    if (marks[i] === 0 || !isDrawn(g, layer, column(picture, i))) continue;
    if (isRing) {
      drawRing(context, g, layer, column(picture, i), colours[marks[i]]);
      continue;
    }
    context.fillStyle = colours[marks[i]];
    fillCell(context, g, layer, column(picture, i), isRound, SMALLEST_MARK);
  }
}

function drawRing(
  context: CanvasRenderingContext2D,
  g: Geometry,
  layerIndex: number,
  at: number,
  colour: string,
): void {
  context.beginPath();
  context.arc(
    xOf(g, at),
    yOf(g, layerIndex),
    (Math.min(g.cellWidth, g.cellHeight) - g.gap - RING_WIDTH) / 2,
    0,
    2 * Math.PI,
  );
  context.strokeStyle = colour;
  context.lineWidth = RING_WIDTH;
  context.stroke();
}

function drawLine(
  context: CanvasRenderingContext2D,
  g: Geometry,
  picture: MapPicture,
  experts: readonly number[],
  palette: Palette,
): void {
  context.save();
  context.beginPath();
  context.rect(g.left, g.top, g.width - g.left, g.height - g.top);
  context.clip();
  context.beginPath();
  experts.forEach((expert, layer) => {
    context.lineTo(xOf(g, column(picture, layer * picture.layout.numExperts + expert)), yOf(g, layer));
  });
  context.strokeStyle = palette.a;
  context.globalAlpha = 0.45;
  context.lineWidth = 1;
  context.lineJoin = 'round';
  context.stroke();
  context.restore();
}

function drawBars(
  context: CanvasRenderingContext2D,
  g: Geometry,
  picture: MapPicture,
  palette: Palette,
): void {
  context.font = FONT;
  context.textAlign = 'left';
  context.fillStyle = palette.text;
  context.fillText(picture.barTitle, g.barLeft, g.top - 6);
  const height = Math.max(2, Math.min(10, g.cellHeight - Math.max(1, g.gap)));
  picture.bars.forEach((value, layer) => {
    const y = yOf(g, layer) - height / 2;
    context.fillStyle = palette.barTrack;
    context.fillRect(g.barLeft, y, g.barWidth, height);
    context.fillStyle = palette.bar;
    context.fillRect(g.barLeft, y, g.barWidth * Math.min(1, value), height);
  });
}

function drawFrame(
  context: CanvasRenderingContext2D,
  g: Geometry,
  picture: MapPicture,
  { layerIndex, expert }: Cell,
  colour: string,
): void {
  const at = column(picture, layerIndex * picture.layout.numExperts + expert);
  if (!isDrawn(g, layerIndex, at)) return;
  const width = Math.max(SMALLEST_MARK + 2, g.cellWidth);
  const height = Math.max(SMALLEST_MARK + 2, g.cellHeight);
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.strokeRect(xOf(g, at) - width / 2, yOf(g, layerIndex) - height / 2, width, height);
}

/** Which part of the map is shown larger below it. */
function drawEnlarged(
  context: CanvasRenderingContext2D,
  g: Geometry,
  { columns, rows }: Geometry,
  palette: Palette,
): void {
  context.strokeStyle = palette.strong;
  context.lineWidth = 2;
  context.strokeRect(
    xOf(g, columns.from - 0.5),
    yOf(g, rows.from - 0.5),
    (columns.to - columns.from) * g.cellWidth,
    (rows.to - rows.from) * g.cellHeight,
  );
}
