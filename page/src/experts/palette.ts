/**
 * Colours of the map. Blue for how often, orange and violet-blue for A and B: pairs that people with any kind of colour
 * blindness distinguish, and lightness alone orders the scale. A canvas cannot read a style sheet's `light-dark()`, so both
 * themes are here.
 */
export interface Palette {
  readonly empty: string;
  readonly text: string;
  readonly strong: string;
  readonly bar: string;
  readonly barTrack: string;
  readonly a: string;
  readonly b: string;
  readonly both: string;
  readonly background: string;
  /** 0…1 -> how often. */
  readonly load: readonly string[];
  /** −1…1 -> more often for B, or for A. */
  readonly difference: readonly string[];
  /** 0…1 in grey, under the experts of two tokens. */
  readonly faint: readonly string[];
}

type Rgb = readonly [number, number, number];

const STEPS = 65;

export const LIGHT: Palette = {
  empty: '#eceff2',
  text: '#5a6470',
  strong: '#1b2128',
  bar: '#7d93a8',
  barTrack: '#e6eaee',
  a: '#d9650b',
  b: '#2f6fde',
  both: '#14181d',
  background: '#ffffff',
  load: ramp(['#eceff2', '#c3d8ea', '#7fb2db', '#2f7fc0', '#0d3f73']),
  difference: ramp(['#1f5fd0', '#8fb4ee', '#eceff2', '#f0b27c', '#c95500']),
  faint: ramp(['#eef0f3', '#dde2e7', '#c6ced6']),
};

export const DARK: Palette = {
  empty: '#252b32',
  text: '#98a4b1',
  strong: '#f0f3f6',
  bar: '#6d8298',
  barTrack: '#262c33',
  a: '#ff9d45',
  b: '#79b0ff',
  both: '#ffffff',
  background: '#16191d',
  load: ramp(['#252b32', '#1f4668', '#2f7fc0', '#7fbcf0', '#e2f1ff']),
  difference: ramp(['#7fb4ff', '#3c618f', '#252b32', '#8a5a2b', '#ffa24d']),
  faint: ramp(['#22272d', '#2e353d', '#3c454f']),
};

/** A colour of a scale at 0…1; what lies outside takes the nearest end. */
export function shade(scale: readonly string[], at: number): string {
  return scale[Math.round(Math.min(1, Math.max(0, at)) * (STEPS - 1))];
}

function ramp(stops: readonly string[]): readonly string[] {
  const colours = stops.map(parse);
  return Array.from({ length: STEPS }, (_, i) => {
    const at = (i / (STEPS - 1)) * (stops.length - 1);
    const from = Math.min(Math.floor(at), stops.length - 2);
    const mixed = colours[from].map((value, c) =>
      Math.round(value + (colours[from + 1][c] - value) * (at - from)),
    );
    return `rgb(${mixed.join(' ')})`;
  });
}

function parse(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
