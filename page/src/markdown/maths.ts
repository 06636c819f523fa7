import { lazily } from './lazily.ts';
import { MATHS_CLASS } from './maths-rules.ts';
import { nestingOf } from './nesting.ts';
import { soon } from './slices.ts';

/** Longer formulas stay source: the time for them would stop the page. */
const MAX_LENGTH = 4000;
/** Far more than a formula that someone reads; the parser of TeX calls itself for each level. */
const MAX_NESTING = 60;

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
  for (const formula of formulas) {
    soon(() => {
      if (!formula.isConnected || formula.matches('.typeset, .source')) return;
      const typesetting = typesetOne(formula, typeset);
      // What cannot be shown as a formula stays as the model wrote it.
      formula.classList.add(typesetting ? 'typeset' : 'source');
      if (typesetting) formula.replaceChildren(typesetting);
    });
  }
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
