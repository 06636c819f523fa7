import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

/** What a model writes, shown: nothing of it may end the tab, take other parts along, or keep a conversation from opening. */
describePage('answers', startScriptedServer, (stage) => {
  const { open } = stage;
  const ask = async (v: Visit, text: string): Promise<void> => {
    stage.server.answer = () => ({ text, isWhole: true });
    await v.ask('Show');
  };
  const reopen = async (v: Visit): Promise<void> => {
    await v.page.reload();
    await v.page.getByRole('navigation').getByText('Show', { exact: true }).first().click();
  };
  const nested = (command: string, depth: number): string => `${command.repeat(depth)}x${'}'.repeat(depth)}`;

  it('shows formulas that are too deep, too long or wrong as source, the others typeset, and opens again', async () => {
    const v = await open();
    const wrong = [
      nested('x^{', 150),
      nested('\\sqrt{', 150),
      nested('\\frac{1}{', 150),
      nested('\\left(\\left(\\left(', 60),
      '{'.repeat(3000),
      'a+'.repeat(5000),
      '\\frac{',
      '\\begin{nothing}',
    ];
    await ask(v, `${wrong.map((tex) => `$${tex}$`).join('\n\n')}\n\nthen $x^2$ and $\\boxed{y}\\pmb{z}$`);
    const check = async (): Promise<void> => {
      await v.answer.getByText('then').locator('.katex').nth(1).waitFor({ state: 'attached' });
      await expect.poll(() => v.answer.locator('.maths.source').count()).toBe(wrong.length);
      expect(await v.answer.locator('.maths.source').allTextContents()).toEqual(wrong);
    };
    await check();
    await reopen(v);
    await check();
  });

  it('loads the typesetter and the highlighter again after a load that failed', async () => {
    const v = await open();
    const parts = /\/(?:formula|katex|highlight-worker|python)-[^/]+$/;
    await v.page.route(parts, (route) => route.abort());
    const failed = new Set<string>();
    v.page.on('requestfailed', (request) =>
      failed.add(/(formula|katex|highlight|python)/.exec(request.url())?.[0] ?? ''),
    );
    await ask(v, 'First $x^2$\n\n```python\nif x: pass\n```\n\nend');
    await expect.poll(() => [...failed].sort()).toEqual(['formula', 'highlight']);
    await v.answer.getByText('if x: pass').waitFor();
    await v.page.unroute(parts);
    await v.page.route(/\/(?:katex|python)-[^/]+$/, (route) => route.abort());
    await expect.poll(() => [...failed].sort()).toContain('katex');
    await expect.poll(() => [...failed].sort()).toContain('python');
    await v.page.unroute(/\/(?:katex|python)-[^/]+$/);
    await v.answer.locator('.katex').waitFor({ state: 'attached' });
    await v.answer.locator('.code-2').first().waitFor();
  });

  it('shows the source while what renders markdown does not come, and renders it once it does', async () => {
    const v = await open();
    await v.page.route(/\/render-[^/]+$/, (route) => route.abort());
    await v.page.reload();
    await ask(v, '**bold**');
    await v.answer.getByText('**bold**').waitFor();
    await v.page.unroute(/\/render-[^/]+$/);
    await v.answer.locator('strong').waitFor();
  });

  it('shows a block that fails as text, and all others as they are', async () => {
    const v = await open();
    await v.page.evaluate(`{
      const real = Element.prototype.querySelectorAll;
      Element.prototype.querySelectorAll = function (...args) {
        if (this.className === 'block' && this.textContent.includes('bad')) throw new Error('This block fails');
        return real.apply(this, args);
      };
    }`);
    await ask(v, 'one *good*\n\nthe *bad* one\n\ntwo *good*');
    await v.answer.locator('.source', { hasText: 'the bad one' }).waitFor();
    expect(await v.answer.locator('em').allInnerTexts()).toEqual(['good', 'good']);
    await ask(v, 'Next');
  });

  it('keeps lines, directions, marks and large tables where they belong', async () => {
    const v = await open({ viewport: { width: 390, height: 800 } });
    const rows = Array.from({ length: 200 }, () => `|${'cell|'.repeat(300)}`).join('\n');
    await ask(
      v,
      [
        'first line\nsecond line',
        'שלום עולם',
        '- [x] done\n- [ ] open',
        `zalgo ${'a\u0300\u0301\u0302\u0303\u0304'.repeat(5)}${'\u0300'.repeat(400)}`,
        `|${'h|'.repeat(300)}\n|${'-|'.repeat(300)}\n${rows}`,
        '7. seventh',
        'Noted[^1].\n\n[^1]: The note.',
        Array.from({ length: 60 }, (_, i) => `${'  '.repeat(i)}- level ${i}`).join('\n'),
      ].join('\n\n'),
    );
    expect(await v.answer.getByText('first line').innerText()).toBe('first line\nsecond line');
    const styleOf = (block: number, name: string): Promise<string> =>
      v.page.evaluate(`getComputedStyle(document.querySelectorAll('.block')[${block}]).${name}`);
    expect(await styleOf(1, 'direction')).toBe('rtl');
    expect(await v.answer.getByRole('listitem').first().innerText()).toBe('☑ done');
    expect(await styleOf(3, 'overflowY')).toBe('clip');
    expect(await v.answer.getByRole('cell').count()).toBeLessThan(3500);
    expect(await v.answer.locator('ol').first().getAttribute('start')).toBe('7');
    // Nothing is wider than the screen, however deep.
    const wide = '(document.querySelector(".messages").scrollWidth > 390)';
    expect(await v.page.evaluate(wide)).toBe(false);
    await v.answer.getByRole('button', { name: 'Footnote 1' }).click();
    await expect.poll(() => v.page.evaluate('document.activeElement.innerText')).toContain('The note.');
    await v.answer.getByRole('button', { name: 'Back to the text' }).click();
    await expect.poll(() => v.page.evaluate('document.activeElement.ariaLabel')).toBe('Footnote 1');
    await v.answer.getByRole('button', { name: 'Show the whole table: 200 rows, 300 columns' }).click();
    await expect.poll(() => v.answer.getByRole('row').count()).toBe(201);
  });

  it('wraps and downloads code, shows tables full screen, folds reasoning', async () => {
    const v = await open();
    const line = `x = "${'long '.repeat(100)}"`;
    await ask(
      v,
      `<think>\nSome *thought*.\n</think>\n\n\`\`\`python\n${line}\n\`\`\`\n\n| a | b |\n| - | - |\n| 1 | 2 |`,
    );
    const pre =
      '(() => { const e = document.querySelector("pre"); return e.scrollWidth > e.clientWidth; })()';
    const wrap = v.answer.getByRole('button', { name: 'Wrap long lines' });
    // The renderer, and then the colours, are loaded when they are needed.
    await v.answer.locator('code.highlighted').waitFor();
    await expect.poll(() => v.page.evaluate(pre)).toBe(true);
    await wrap.click();
    await expect.poll(() => v.page.evaluate(pre)).toBe(false);
    await expect.poll(() => wrap.getAttribute('aria-pressed')).toBe('true');
    await wrap.click();
    await expect.poll(() => v.page.evaluate(pre)).toBe(true);
    const [download] = await Promise.all([
      v.page.waitForEvent('download'),
      v.answer.getByRole('button', { name: 'Download the code' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('code.py');
    expect(readFileSync(await download.path(), 'utf8')).toBe(`${line}\n`);
    const expand = v.answer.getByRole('button', { name: 'Full screen' });
    await expand.click();
    await expect.poll(() => v.page.evaluate('document.fullscreenElement?.className')).toBe('table-block');
    await expand.click();
    await expect.poll(() => v.page.evaluate('document.fullscreenElement')).toBeNull();
    expect(await v.answer.locator('.reasoning em').isVisible()).toBe(false);
    // It is not spoken either.
    const news = v.page.getByRole('status').filter({ hasText: 'The answer is complete.' });
    expect(await news.innerText()).not.toContain('thought');
    await v.answer.getByText('Reasoning', { exact: true }).click();
    await v.answer.locator('.reasoning em').waitFor();
  });

  it('shows a function call while it is written', async () => {
    const v = await open();
    const call = { name: 'weather', arguments: '{"city":"Kyoto","days":3}' };
    stage.server.answer = () => ({ text: 'Looking', toolCalls: [call], holdAfter: 6 });
    await v.begin('Weather');
    const shown = v.answer.getByRole('region', { name: 'Function call: weather' });
    await shown.getByText('{"city"').waitFor();
    expect(await shown.innerText()).not.toContain('days');
    stage.server.release();
    await v.settled();
    await shown.getByText('"days": 3').waitFor();
  });

  it('prints all of a conversation', async () => {
    const v = await open();
    await ask(v, 'A paragraph of an answer that fills pages.\n\n'.repeat(300));
    const pdf = (await v.page.pdf({ format: 'A4' })).toString('latin1');
    expect(pdf.match(/\/Type\s*\/Page\b/g)?.length).toBeGreaterThan(5);
  });
});
