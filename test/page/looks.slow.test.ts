import { expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

const LONG = `A long word: ${'Donaudampfschifffahrtsgesellschaft'.repeat(6)}

\`\`\`sh
${'cat file | '.repeat(30)}
\`\`\`

| ${'column | '.repeat(12)}
| ${'- | '.repeat(12)}
| ${'value | '.repeat(12)}

$$${'x + '.repeat(60)}y$$`;

/** Pairs of custom properties that text and its background are made of; WCAG AA wants 4.5. */
const TEXT_PAIRS = [
  ['--text', '--background'],
  ['--text', '--surface'],
  ['--text', '--question'],
  ['--text', '--mark'],
  ['--text', '--a-surface'],
  ['--text', '--b-surface'],
  ['--muted', '--background'],
  ['--muted', '--surface'],
  ['--muted', '--hover'],
  ['--accent', '--background'],
  ['--on-accent', '--accent'],
  ['--danger', '--raised'],
  ['--muted', '--danger-surface'],
];

describePage('how the page looks', startScriptedServer, (stage) => {
  it.each([390, 768, 1440])('nothing sticks out at %i pixels, whatever is open', async (width) => {
    const v = await stage.open({ viewport: { width, height: 800 } });
    stage.server.answer = () => ({ text: LONG });
    const check = async (state: string): Promise<void> => {
      const wide = await v.page.evaluate(`[...document.querySelectorAll('body *')].flatMap((element) => {
        const { right, width } = element.getBoundingClientRect();
        const scrolls = element.closest('pre, .table-scroll, .maths, .sr-only, .katex, [hidden], svg');
        return right > innerWidth + 1 && width > 0 && !scrolls ? [element.className || element.tagName] : [];
      })`);
      expect(wide, state).toEqual([]);
    };
    await check('empty');
    await v.ask('A question that is longer than a line of a telephone, to see it broken into several');
    await check('answer');
    await v.button('Expert view').click();
    await v.page.getByRole('radio', { name: 'Two groups' }).check();
    await check('experts');
    await v.button('Hide the expert view').click();
    await v.button('Settings').click();
    await check('settings');
    await v.page.keyboard.press('Escape');
  });

  it.each(['light', 'dark'] as const)('text can be read in the %s theme', async (colorScheme) => {
    const v = await stage.open({ colorScheme });
    const low: string[] = [];
    for (const [text, background] of TEXT_PAIRS) {
      const [a, b] = [await luminance(v, text), await luminance(v, background)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < 4.5) low.push(`${text} on ${background}: ${contrast.toFixed(2)}`);
    }
    expect(low).toEqual([]);
  });

  it('every control has a name for screen readers', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: '```js\n1\n```' });
    await v.ask('Name them');
    await v.button('Expert view').click();
    await v.button('Settings').click();
    const nameless =
      await v.page.evaluate(`[...document.querySelectorAll('button, input, select, textarea, summary, canvas, [tabindex="0"]')]
      .filter((element) => !(element.getAttribute('aria-label') || element.textContent.trim()))
      .filter((element) => !(element.labels?.[0]?.innerText.trim() || element.closest('pre')))
      .map((element) => element.outerHTML.slice(0, 120))`);
    expect(nameless).toEqual([]);
    // The answer is announced once, when it is complete.
    await v.page
      .locator('[role=status].sr-only', { hasText: 'The answer is complete.' })
      .waitFor({ state: 'attached' });
  });
});

async function luminance(v: Visit, property: string): Promise<number> {
  const colour: string = await v.page.evaluate(`(() => {
    const probe = document.createElement('i');
    document.body.append(probe);
    probe.style.color = 'var(${property})';
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  })()`);
  const [r, g, b] = (colour.match(/[\d.]+/g) as string[]).map((text) => {
    const value = Number(text) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
