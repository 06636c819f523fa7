import type { CanvasHTMLAttributes, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { usePage } from '../ui/hooks.ts';
import { drawMap, type MapPicture } from './draw-map.ts';
import type { Geometry } from './map-geometry.ts';
import { DARK, LIGHT } from './palette.ts';

export interface MapCanvasProps extends CanvasHTMLAttributes<HTMLCanvasElement> {
  readonly picture: MapPicture;
  readonly geometry: Geometry;
  /** The part that another canvas shows larger. */
  readonly enlarged?: Geometry | undefined;
}

/** A map, or a part of it, as sharp as the screen. */
export function MapCanvas({ picture, geometry, enlarged, ...rest }: MapCanvasProps): JSX.Element {
  const { isDark } = usePage();
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const scale = devicePixelRatio;
    element.width = Math.round(geometry.width * scale);
    element.height = Math.round(geometry.height * scale);
    element.style.width = `${geometry.width}px`;
    element.style.height = `${geometry.height}px`;
    context.scale(scale, scale);
    drawMap(context, geometry, picture, isDark ? DARK : LIGHT, enlarged);
  }, [picture, geometry, enlarged, isDark]);
  return <canvas ref={canvas} {...rest} />;
}
