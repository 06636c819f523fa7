import { MATHS_CLASS } from './maths-rules.ts';

let loading: Promise<typeof import('./katex.ts')> | undefined;

/** Typeset every formula below an element that is still TeX. KaTeX and its fonts are loaded with the first one. */
export async function typesetMaths(root: Element): Promise<void> {
  const formulas = [...root.querySelectorAll(`.${MATHS_CLASS}:not(.typeset)`)];
  if (formulas.length === 0) return;
  loading ??= import('./katex.ts');
  const { katex } = await loading;
  for (const formula of formulas) {
    if (!formula.isConnected || formula.classList.contains('typeset')) continue;
    const tex = formula.textContent ?? '';
    formula.classList.add('typeset');
    // It builds elements and sets their styles one by one, which the content security policy allows.
    katex.render(tex, formula as HTMLElement, {
      displayMode: formula.classList.contains('display'),
      throwOnError: false,
      maxExpand: 200,
      maxSize: 20,
      strict: 'ignore',
    });
  }
}
