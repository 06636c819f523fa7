import type { JSX } from 'preact';
import { usePage } from '../ui/hooks.ts';
import { type TokenRef, visible } from './token-strip.tsx';

export interface TokenChoiceProps {
  readonly slot: 'a' | 'b';
  readonly onSlot: (slot: 'a' | 'b') => void;
  readonly a: TokenRef | undefined;
  readonly b: TokenRef | undefined;
}

/** Which of two tokens the next selection sets. */
export function TokenChoice({ slot, onSlot, a, b }: TokenChoiceProps): JSX.Element {
  const { t } = usePage();
  return (
    <div class="pair">
      {(['a', 'b'] as const).map((name) => {
        const ref = name === 'a' ? a : b;
        return (
          <button
            key={name}
            type="button"
            class={`pair-item ${name}`}
            aria-pressed={slot === name}
            onClick={() => onSlot(name)}
          >
            <span class={`swatch ${name}`} aria-hidden="true" />
            <span class="pair-name">{t(name === 'a' ? 'tokenA' : 'tokenB')}</span>
            <code>{ref ? visible(ref.recording.pieces[ref.token]).trim() || '␣' : '–'}</code>
          </button>
        );
      })}
    </div>
  );
}
