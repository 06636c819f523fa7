import { lazily } from './lazily.ts';
import { MATHS_CLASS } from './maths-rules.ts';
import { nestingOf } from './nesting.ts';
import { soon } from './slices.ts';

/** Longer formulas stay source: the time for them would stop the page. */
const MAX_LENGTH = 4000;
/** Far more than a formula that someone reads; the parser of TeX calls itself for each level. */
const MAX_NESTING = 60;
/** The browser paints all of a paragraph when one formula in it changes: of many, so many are shown together. */
const SHOWN_AT_ONCE = 40;

const formulaPart = lazily(async () => {
  const formula = await import('./formula.ts');
  await formula.styles.load();
  return formula;
});

/** Typeset every formula below an element that is still TeX. KaTeX and its fonts are loaded with the first one. */
export async function typesetMaths(root: Element): Promise<void> {
  const formulas = [...root.querySelectorAll(`.${MATHS_CLASS}:not(.typeset, .source)`)];
  if (formulas.length === 0) return;
  const { typeset } = await formulaPart.load();
  let ready: (() => void)[] = [];
  for (const [i, formula] of formulas.entries()) {
    soon(() => {
      if (formula.isConnected && !formula.matches('.typeset, .source')) {
        const typesetting = typesetOne(formula, typeset);
        ready.push(() => show(formula, typesetting));
      }
      if (ready.length < SHOWN_AT_ONCE && i < formulas.length - 1) return;
      for (const showOne of ready) showOne();
      ready = [];
    });
  }
}

function show(formula: Element, typesetting: Node | undefined): void {
  // What cannot be shown as a formula stays as the model wrote it.
  formula.classList.add(typesetting ? 'typeset' : 'source');
  if (typesetting) formula.replaceChildren(typesetting);
}

function typesetOne(
  formula: Element,
  typeset: (tex: string, isDisplay: boolean) => Node | undefined,
): Node | undefined {
  const tex = formula.textContent ?? '';
  if (tex.length > MAX_LENGTH || nestingOf(tex) > MAX_NESTING) return undefined;
  try {
    return typeset(tex, formula.classList.contains('display'));
  } catch {
    return undefined;
  }
}
