import type { JSX, TargetedKeyboardEvent, TargetedMouseEvent } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { usePage } from '../ui/hooks.ts';
import { drawMap, type MapPicture } from './draw-map.ts';
import { type Cell, cellAt, layOut } from './map-geometry.ts';
import { DARK, LIGHT } from './palette.ts';

export interface ExpertMapProps {
  readonly picture: MapPicture;
  readonly describedBy: string;
  readonly onPoint: (cell: Cell | undefined) => void;
  /** A cell was clicked, or chosen with Enter. */
  readonly onPin: (cell: Cell) => void;
}

/** Layers × experts on a canvas. With the keyboard, arrows move a cursor over it. */
export function ExpertMap({ picture, describedBy, onPoint, onPin }: ExpertMapProps): JSX.Element {
  const { t, isDark } = usePage();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const { layout, cursor, order } = picture;
  const geometry = layOut(layout, width);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(frame.current as Element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || width === 0) return;
    const scale = devicePixelRatio;
    element.width = Math.round(geometry.width * scale);
    element.height = Math.round(geometry.height * scale);
    element.style.width = `${geometry.width}px`;
    element.style.height = `${geometry.height}px`;
    context.scale(scale, scale);
    drawMap(context, geometry, picture, isDark ? DARK : LIGHT);
  }, [picture, isDark, width]);

  const cellOf = (event: TargetedMouseEvent<HTMLCanvasElement>): Cell | undefined =>
    cellAt(geometry, layout, order, event.offsetX, event.offsetY);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLCanvasElement>): void => {
    const at = cursor ?? { layerIndex: 0, expert: order ? order.expertAt[0] : 0 };
    const row = at.layerIndex * layout.numExperts;
    const column = order ? order.columnOf[row + at.expert] : at.expert;
    const last = layout.numExperts - 1;
    const inColumn = (to: number, layerIndex = at.layerIndex): Cell => {
      const nearest = Math.min(last, Math.max(0, to));
      return {
        layerIndex,
        expert: order ? order.expertAt[layerIndex * layout.numExperts + nearest] : nearest,
      };
    };
    const moves: Record<string, Cell> = {
      ArrowUp: inColumn(column, Math.max(0, at.layerIndex - 1)),
      ArrowDown: inColumn(column, Math.min(layout.layers.length - 1, at.layerIndex + 1)),
      ArrowLeft: inColumn(column - 1),
      ArrowRight: inColumn(column + 1),
      Home: inColumn(0),
      End: inColumn(last),
    };
    if (event.key === 'Enter' && cursor) onPin(cursor);
    else if (event.key in moves) onPoint(cursor ? moves[event.key] : at);
    else return;
    event.preventDefault();
  };
  return (
    <div class="map-frame" ref={frame}>
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: an application is interactive */}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`${t('mapLabel', { layers: layout.layers.length, experts: layout.numExperts })}. ${t('mapHelp')}`}
        aria-describedby={describedBy}
        onPointerMove={(event) => onPoint(cellOf(event))}
        onPointerLeave={() => onPoint(undefined)}
        onClick={(event) => {
          const cell = cellOf(event);
          if (cell) onPin(cell);
        }}
        onBlur={() => onPoint(undefined)}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}
