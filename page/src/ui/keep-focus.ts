/** Of the control that takes the focus when what it opened in its own place is gone. */
export const FOCUS_HOME = { 'data-focus-home': '' } as const;

const CONTROLS = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
const TEXT_FIELDS = 'textarea, input:not([type="checkbox"], [type="radio"], [type="file"])';

/**
 * Keeps the focus when what has it is removed, disabled or hidden: browsers give it to the body, and whoever works with the
 * keyboard or a screen reader starts at the top again. It goes to what took the place of what is gone: there to the control of
 * the same name, else to the part's home, else to the part as a whole. Returns the function that ends this.
 */
export function keepFocus(root: HTMLElement): () => void {
  let held: HTMLElement | undefined;
  const onFocusIn = ({ target }: FocusEvent): void => {
    held = target as HTMLElement;
  };
  const onPointerDown = ({ target }: PointerEvent): void => {
    // A press on what takes no focus gives it up on purpose.
    if (!(target as Element).closest(CONTROLS)) held = undefined;
  };
  const observer = new MutationObserver((changes) => {
    const { activeElement, body } = document;
    // A disabled or hidden element is the active one until the next frame.
    if (!held || isUsable(held) || (activeElement !== body && activeElement !== held)) return;
    const heir = held.isConnected ? controlNear(held) : heirOf(held, changes);
    held = undefined;
    if (heir) focus(heir);
  });
  observer.observe(root, {
    subtree: true,
    childList: true,
    attributeFilter: ['disabled', 'hidden', 'inert'],
  });
  document.addEventListener('focusin', onFocusIn);
  document.addEventListener('pointerdown', onPointerDown);
  return () => {
    observer.disconnect();
    document.removeEventListener('focusin', onFocusIn);
    document.removeEventListener('pointerdown', onPointerDown);
  };
}

function heirOf(lost: HTMLElement, changes: readonly MutationRecord[]): HTMLElement | undefined {
  const removal = changes.find(
    ({ target, removedNodes }) => target.isConnected && [...removedNodes].some((node) => node.contains(lost)),
  );
  if (!removal) return undefined;
  const around = removal.target as HTMLElement;
  const added = changes.flatMap(({ target, addedNodes }) => (target === around ? [...addedNodes] : []));
  const siblings = [removal.nextSibling, removal.previousSibling];
  const parts = (added.length > 0 ? added : siblings).filter(
    (node): node is HTMLElement => node instanceof HTMLElement && node.isConnected,
  );
  const twin = parts
    .flatMap((part) => [...part.querySelectorAll<HTMLElement>(CONTROLS)])
    .find((control) => nameOf(control) === nameOf(lost));
  if (twin) return isUsable(twin) ? twin : controlNear(twin);
  return (
    parts.flatMap(controlsIn).find(({ dataset }) => 'focusHome' in dataset) ??
    parts[0] ??
    controlsIn(around)[0] ??
    controlNear(around)
  );
}

/** In the closest part around an element with controls that can be used: its text field, else the first of them. */
function controlNear(element: HTMLElement): HTMLElement | undefined {
  for (let around = element.parentElement; around; around = around.parentElement) {
    const controls = controlsIn(around);
    const control = controls.find((one) => one.matches(TEXT_FIELDS)) ?? controls[0];
    if (control) return control;
  }
  return undefined;
}

function controlsIn(part: HTMLElement): HTMLElement[] {
  const all = [part, ...part.querySelectorAll<HTMLElement>(CONTROLS)];
  // On a telephone the focus on a field brings up the keyboard.
  const isTouch = matchMedia('(hover: none)').matches;
  return all.filter(
    (element) => element.matches(CONTROLS) && isUsable(element) && !(isTouch && element.matches(TEXT_FIELDS)),
  );
}

function isUsable(element: HTMLElement): boolean {
  return element.checkVisibility() && !element.matches(':disabled') && !element.closest('[inert]');
}

function nameOf(element: HTMLElement): string {
  return element.getAttribute('aria-label') ?? element.innerText;
}

function focus(element: HTMLElement): void {
  if (!element.matches(CONTROLS)) {
    element.tabIndex = -1;
    element.addEventListener('blur', () => element.removeAttribute('tabindex'), { once: true });
  }
  // Nobody has asked to go elsewhere: after a jump to the end, the focus must not scroll to the top of the whole part.
  element.focus({ preventScroll: true });
}
