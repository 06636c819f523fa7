import type { JSX, TargetedKeyboardEvent } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icons.tsx';
import { FOCUS_HOME } from './keep-focus.ts';

export interface MenuItem {
  readonly label: string;
  readonly onChoose: () => void;
  readonly icon?: IconName;
  readonly isDanger?: boolean;
  readonly isDisabled?: boolean;
}

export interface MenuProps {
  /** Names the button for screen readers. */
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly icon?: IconName;
}

/** Pixels between the menu and its button, and between the menu and the edge of the window. */
const GAP_PX = 4;

/**
 * A button that opens a menu, the only kind of menu on the page. Arrow keys, Home, End and first letters move in it; Escape,
 * Tab, a choice and a click elsewhere close it. It is a popover, so that no scroller cuts it off. The menu is open as long as
 * it has the focus; Safari gives no focus to a button that is clicked, so a press must not take it from the menu either.
 */
export function Menu({ label, items, icon = 'more' }: MenuProps): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const firstIndex = useRef(0);
  const id = useId();

  useLayoutEffect(() => {
    if (!isOpen || !list.current || !button.current) return;
    list.current.showPopover();
    place(list.current, button.current.getBoundingClientRect());
    itemsOf(list.current).at(firstIndex.current)?.focus();
  }, [isOpen]);

  const openAt = (index: number): void => {
    firstIndex.current = index;
    setOpen(true);
  };
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useLayoutEffect(() => {
    if (!isOpen) return undefined;
    // The menu would stay where it was while its button moves.
    const onMove = (event: Event): void => {
      if (!list.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('resize', onMove);
    document.addEventListener('scroll', onMove, true);
    return () => {
      removeEventListener('resize', onMove);
      document.removeEventListener('scroll', onMove, true);
    };
  }, [isOpen]);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const buttons = itemsOf(event.currentTarget);
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = target(event.key, at, buttons);
    if (to !== undefined) buttons[to].focus();
    else if (event.key === 'Escape' || event.key === 'Tab') close();
    else return;
    // Tab moves on from the button.
    if (event.key !== 'Tab') event.preventDefault();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="icon-button menu-button"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        {...FOCUS_HOME}
        onMouseDown={isOpen ? keepFocus : undefined}
        onClick={() => (isOpen ? close() : openAt(0))}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
          event.preventDefault();
          openAt(event.key === 'ArrowDown' ? 0 : -1);
        }}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <div
          ref={list}
          id={id}
          class="menu"
          role="menu"
          tabIndex={-1}
          aria-label={label}
          popover="manual"
          onKeyDown={onKeyDown}
          onMouseDown={keepFocus}
          onFocusOut={(event) => {
            if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOpen(false);
          }}
        >
          {items.map((item, i) => (
            <button
              key={i}
              type="button"
              role="menuitem"
              tabIndex={-1}
              class={item.isDanger ? 'danger' : ''}
              disabled={item.isDisabled}
              onClick={() => {
                // The focus goes back first: what is chosen may move it on, or open something that returns it there.
                close();
                item.onChoose();
              }}
            >
              {item.icon && <Icon name={item.icon} />}
              {item.label}
            </button>
          ))}
        </div>
      )}
    </>
  );
}

function keepFocus(event: MouseEvent): void {
  event.preventDefault();
}

function itemsOf(list: HTMLElement): HTMLButtonElement[] {
  return [...list.querySelectorAll<HTMLButtonElement>('[role=menuitem]:enabled')];
}

/** Which item a key goes to from the one at `at`; undefined where it goes to none. */
function target(key: string, at: number, items: readonly HTMLButtonElement[]): number | undefined {
  const count = items.length;
  if (key === 'ArrowDown') return (at + 1) % count;
  if (key === 'ArrowUp') return (at - 1 + count) % count;
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  if (key.length !== 1) return undefined;
  const letter = key.toLowerCase();
  return items.map((_, i) => (at + 1 + i) % count).find((i) => startsWith(items[i], letter));
}

function startsWith(item: HTMLElement, letter: string): boolean {
  return item.textContent?.trim().toLowerCase().startsWith(letter) ?? false;
}

/** Below the button and flush with its right edge; above it, or further right, where the window ends. */
function place(list: HTMLElement, button: DOMRect): void {
  const { width, height } = list.getBoundingClientRect();
  const isBelow = button.bottom + GAP_PX + height <= innerHeight - GAP_PX;
  const top = isBelow ? button.bottom + GAP_PX : Math.max(GAP_PX, button.top - GAP_PX - height);
  const left = Math.min(Math.max(GAP_PX, button.right - width), innerWidth - GAP_PX - width);
  list.style.top = `${top}px`;
  list.style.left = `${left}px`;
}
