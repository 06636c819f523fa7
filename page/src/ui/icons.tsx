import type { JSX } from 'preact';

const PATHS = {
  plus: 'M12 5v14M5 12h14',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  attach:
    'M19 11.5l-7 7a4.6 4.6 0 0 1-6.5-6.5l7.5-7.5a3 3 0 0 1 4.3 4.3l-7.4 7.4a1.5 1.5 0 0 1-2.1-2.1l6.6-6.6',
  file: 'M7 3.5h7L18.5 8v12.5H7zM14 3.5V8h4.5',
  send: 'M12 19V5M6 11l6-6 6 6',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  check: 'M5 12.5l4.5 4.5L19 7',
  again: 'M4.5 12a7.5 7.5 0 1 0 2.3-5.4M4.5 4v4.5H9',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  trash: 'M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
  left: 'M14.5 6l-6 6 6 6',
  right: 'M9.5 6l6 6-6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  keyboard: 'M3 7h18v10H3zM7 10.5h.01M10.5 10.5h.01M14 10.5h.01M17.5 10.5h.01M8 14h8',
  sliders: 'M4 7h9M19 7h1M16 4.5v5M4 12h2M12 12h8M9 9.5v5M4 17h9M19 17h1M16 14.5v5',
  columns: 'M4 5h7v14H4zM13 5h7v14h-7z',
  odds: 'M5 20V9M12 20V4M19 20v-6',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4',
  wrap: 'M4 6h16M4 12h12.5a3 3 0 0 1 0 6H12M14.5 15.5L12 18l2.5 2.5M4 18h4',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  expand: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
} as const;

export type IconName = keyof typeof PATHS | 'stop' | 'experts';

/** Drawn in the colour of the text around it; it says nothing to screen readers. */
export function Icon({ name }: { name: IconName }): JSX.Element {
  if (name === 'stop') {
    return (
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
        <rect x="7" y="7" width="10" height="10" rx="1.5" fill="currentColor" />
      </svg>
    );
  }
  if (name === 'experts') {
    const lit = new Set([1, 3, 8]);
    return (
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="currentColor">
        {Array.from({ length: 9 }, (_, i) => (
          <circle
            key={i}
            cx={5 + 7 * (i % 3)}
            cy={5 + 7 * Math.floor(i / 3)}
            r={lit.has(i) ? 2.8 : 1.8}
            opacity={lit.has(i) ? 1 : 0.45}
          />
        ))}
      </svg>
    );
  }
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor">
      <path
        d={PATHS[name]}
        stroke-width={name === 'more' ? 3 : 1.8}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
