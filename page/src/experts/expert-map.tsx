import type { JSX, TargetedKeyboardEvent } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useMedia, usePage } from '../ui/hooks.ts';
import type { MapPicture } from './draw-map.ts';
import { MapCanvas } from './map-canvas.tsx';
import {
  type Cell,
  canChoose,
  cellAt,
  enlarge,
  type Geometry,
  HEIGHT_ABOVE_PART,
  layOut,
} from './map-geometry.ts';

export interface ExpertMapProps {
  readonly picture: MapPicture;
  readonly describedBy: string;
  readonly onPoint: (cell: Cell | undefined) => void;
  /** A cell was clicked, or chosen with Enter. */
  readonly onPin: (cell: Cell) => void;
}

/**
 * Layers × experts on a canvas. With the keyboard, arrows move a cursor over it. Where its cells are too small for the pointer,
 * a part of it is shown larger below: the map chooses the part, the part chooses cells.
 */
export function ExpertMap({ picture, describedBy, onPoint, onPin }: ExpertMapProps): JSX.Element {
  const { t } = usePage();
  const isFinger = useMedia('(pointer: coarse)');
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [centre, setCentre] = useState({ column: 0, row: 0 });
  const { layout, cursor, order } = picture;
  const hasPart = width > 0 && !canChoose(layOut(layout, width), isFinger);
  const geometry = useMemo(
    () => layOut(layout, width, hasPart ? HEIGHT_ABOVE_PART : undefined),
    [layout, width, hasPart],
  );
  const part = useMemo(
    () => (hasPart ? enlarge(layout, width, centre.column, centre.row) : undefined),
    [hasPart, layout, width, centre.column, centre.row],
  );

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(frame.current as Element);
    return () => observer.disconnect();
  }, []);

  const cellOf = (event: MouseEvent, within: Geometry): Cell | undefined =>
    cellAt(within, layout, order, event.offsetX, event.offsetY);
  const columnOf = ({ layerIndex, expert }: Cell): number =>
    order ? order.columnOf[layerIndex * layout.numExperts + expert] : expert;
  const showAround = (cell: Cell | undefined): void => {
    if (cell) setCentre({ column: columnOf(cell), row: cell.layerIndex });
  };
  const pinAt = (event: MouseEvent, within: Geometry): void => {
    const cell = cellOf(event, within);
    if (cell) onPin(cell);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLCanvasElement>): void => {
    const at = cursor ?? { layerIndex: 0, expert: order ? order.expertAt[0] : 0 };
    const column = columnOf(at);
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
    else if (event.key in moves) {
      const to = cursor ? moves[event.key] : at;
      onPoint(to);
      showAround(to);
    } else return;
    event.preventDefault();
  };
  return (
    <div class="map-frame" ref={frame}>
      <MapCanvas
        picture={picture}
        geometry={geometry}
        enlarged={part}
        tabIndex={0}
        role="application"
        aria-label={`${t('mapLabel', { layers: layout.layers.length, experts: layout.numExperts })}. ${t('mapHelp')}`}
        aria-describedby={describedBy}
        onPointerDown={(event) => showAround(cellOf(event, geometry))}
        onPointerMove={(event) => {
          const cell = cellOf(event, geometry);
          onPoint(cell);
          if (event.buttons > 0) showAround(cell);
        }}
        onPointerLeave={() => onPoint(undefined)}
        onClick={(event) => {
          if (!part) pinAt(event, geometry);
        }}
        onBlur={() => onPoint(undefined)}
        onKeyDown={onKeyDown}
      />
      {part && (
        <>
          <p class="hint">{t('mapPartHint')}</p>
          {/* For pointers; keys move over the whole map. */}
          <MapCanvas
            picture={picture}
            geometry={part}
            aria-hidden="true"
            onPointerMove={(event) => onPoint(cellOf(event, part))}
            onPointerLeave={() => onPoint(undefined)}
            onClick={(event) => pinAt(event, part)}
          />
        </>
      )}
    </div>
  );
}
