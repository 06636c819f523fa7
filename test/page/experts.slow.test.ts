import { expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { LARGE, route, startScriptedServer } from './scripted-server.ts';

const ROW = (LARGE.layers - LARGE.firstLayer) * LARGE.chosen;

describePage('the expert view', startScriptedServer, (stage) => {
  const { open } = stage;
  const openExperts = (v: Visit): Promise<void> => v.button('Expert view').click();
  /** The table's column of the selected token: [layer][K]. */
  const tableOfToken = async (v: Visit): Promise<number[][]> => {
    const rows: string[] = await v.page.evaluate(
      `[...document.querySelectorAll('.expert-table tbody tr')].map((row) => row.lastElementChild.textContent)`,
    );
    return rows.map((row) => row.split(' ').map(Number));
  };
  const rowsOf = (ids: Uint8Array): number[][] =>
    Array.from({ length: ids.length / LARGE.chosen }, (_, layer) => [
      ...ids.subarray(layer * LARGE.chosen, (layer + 1) * LARGE.chosen),
    ]);
  /** Colours of the map's pixels, and how many of each. */
  const pixels = async (v: Visit): Promise<Map<string, number>> =>
    new Map(
      (await v.page.evaluate(`(() => {
        const canvas = document.querySelector('.map-frame canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const counts = new Map();
        for (let i = 0; i < data.length; i += 4) {
          const key = data.slice(i, i + 3).join(' ');
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        return [...counts];
      })()`)) as [string, number][],
    );
  const TOKEN_A = '217 101 11';
  const TOKEN_B = '47 111 222';

  it('shows every token of the answer and, for the one that is selected, its experts in each layer', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'The quick brown fox jumps.' });
    await v.ask('Animals');
    await openExperts(v);
    const words = ['The', ' quick', ' brown', ' fox', ' jumps', '.'];
    await expect.poll(() => v.page.locator('.token').allInnerTexts()).toEqual(words);
    await v.page.getByText('Busiest experts, layer by layer').click();
    // The newest one, unless another is chosen. A token comes with the routing of the token before it.
    await expect.poll(() => tableOfToken(v)).toEqual(rowsOf(route(' jumps', LARGE)));
    await v.page.locator('.token', { hasText: 'brown' }).click();
    await expect.poll(() => tableOfToken(v)).toEqual(rowsOf(route(' quick', LARGE)));
    // Pointing previews, and leaving goes back.
    await v.page.locator('.token', { hasText: 'quick' }).hover();
    await expect.poll(() => tableOfToken(v)).toEqual(rowsOf(route('The', LARGE)));
    await v.page.mouse.move(5, 5);
    await expect.poll(() => tableOfToken(v)).toEqual(rowsOf(route(' quick', LARGE)));
    // 360 marked cells of five pixels each way, or a little more, some of them side by side.
    await expect
      .poll(async () => (await pixels(v)).get(TOKEN_A))
      .toSatisfy((marked) => marked > ROW * 16 && marked < ROW * 40);
  });

  it('lights up while the answer comes', async () => {
    const v = await open();
    await openExperts(v);
    await v.page.getByText('No routing recorded yet').waitFor();
    stage.server.answer = () => ({ text: 'one two three four five six seven eight', holdAfter: 3 });
    await v.begin('Count');
    await v.page.locator('.token', { hasText: 'two' }).waitFor();
    await expect.poll(() => v.page.locator('.token').count()).toBe(3);
    await expect.poll(async () => (await pixels(v)).get(TOKEN_A)).toBeGreaterThan(ROW * 10);
    // The newest token is the selected one.
    await expect.poll(() => v.page.locator('.token').last().getAttribute('aria-selected')).toBe('true');
    stage.server.release();
    await v.settled();
    await expect.poll(() => v.page.locator('.token').count()).toBe(8);
  });

  it('reads out cells of the map and marks the tokens that went to an expert', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'red red red green' });
    await v.ask('Colours');
    await openExperts(v);
    // Tokens 2 and 3 follow "red" with a space, so they share all their experts.
    const [expert] = route(' red', LARGE);
    const canvas = v.page.locator('.map-frame canvas');
    await canvas.focus();
    await v.page.keyboard.press('ArrowDown');
    for (let i = 0; i < expert; i++) await v.page.keyboard.press('ArrowRight');
    const readout = v.page.locator('#experts-readout');
    await readout.getByText(`Layer 1, expert ${expert}: chosen for 2 of 4 tokens (50%)`).waitFor();
    await v.page.keyboard.press('Enter');
    await readout
      .getByText(`Highlighted: 2 tokens that were routed to expert ${expert} in layer 1.`)
      .waitFor();
    await expect.poll(() => v.page.locator('.token.marked').allInnerTexts()).toEqual([' red', ' green']);
  });

  it('compares two tokens: which experts they share, and how many that is', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'sun moon sun star' });
    await v.ask('Sky');
    await openExperts(v);
    await v.page.getByRole('radio', { name: 'Two tokens' }).check();
    await v.page.locator('.token').nth(1).click();
    await v.page.locator('.pair-item.b').click();
    await v.page.locator('.token').nth(2).click();
    await v.page.mouse.move(5, 5);
    const [a, b] = [rowsOf(route('sun', LARGE)), rowsOf(route(' moon', LARGE))];
    const shared = a.reduce((sum, row, layer) => sum + row.filter((id) => b[layer].includes(id)).length, 0);
    const percent = `${((100 * shared) / ROW).toFixed(1).replace(/\.0$/, '')}%`;
    await v.page.getByText(`Tokens A and B share ${shared} of ${ROW} choices (${percent})`).first().waitFor();
    for (const token of [TOKEN_A, TOKEN_B])
      await expect.poll(async () => (await pixels(v)).get(token)).toBeGreaterThan(1000);
  });

  it('compares languages, and shows load of an answer, a conversation, and of the server', async () => {
    const v = await open();
    stage.server.answer = (question) => ({
      text: question === 'en' ? 'many words of Latin letters' : '许多汉字在这里',
    });
    await v.ask('en');
    await v.ask('zh');
    await openExperts(v);
    await v.page.getByRole('radio', { name: 'Two groups' }).check();
    await expect
      .poll(() => v.page.locator('#experts-readout').innerText())
      .toMatch(/Groups A \(5 tokens\) and B \(7 tokens\) have \d+(\.\d)?% of their load on the same experts/);
    await expect.poll(() => v.page.locator('.token.a').count()).toBe(5);
    await v.page.getByRole('radio', { name: 'One token' }).check();
    const scope = v.page.locator('.scope select');
    await expect.poll(() => v.page.locator('.token').count()).toBe(7);
    await scope.selectOption({ index: 0 });
    await expect.poll(() => v.page.locator('.token').count()).toBe(5);
    await scope.selectOption('conversation');
    await expect.poll(() => v.page.locator('.token').count()).toBe(12);
    await scope.selectOption('server');
    await v.page.getByText('Busiest experts, layer by layer').click();
    // Layer 1 of the scripted counts: (expert · 7 + 1) mod 5 of 10 tokens, so experts 4, 9, 14, … have 4.
    const first = v.page.locator('.expert-table tbody tr').first();
    await expect.poll(() => first.innerText()).toMatch(/^1\s+4 40%\s*9 40%\s*14 40%/);
    await v.page.getByLabel('Busiest first').check();
  });

  it('is not requested where recording is switched off', async () => {
    const v = await open();
    await v.button('Settings').click();
    await v.page.getByLabel('Record which experts each token is routed to').uncheck();
    await v.page.keyboard.press('Escape');
    stage.server.answer = () => ({ text: 'Unseen.' });
    await v.ask('Hush');
    expect(stage.server.requests.at(-1)?.dots).toBeUndefined();
    // And says so, instead of a promise that tokens will appear.
    await openExperts(v);
    await v.page.getByText('Recording is switched off').waitFor();
    expect(await v.page.getByText('No routing recorded yet').count()).toBe(0);
    await v.button('Record the routing of new answers').click();
    await v.page.getByText('No routing recorded yet').waitFor();
    await v.ask('Again');
    await v.page.locator('.token', { hasText: 'Unseen' }).waitFor();
  });

  it('enlarges a part of a map whose cells a finger or a mouse cannot choose', async () => {
    const v = await open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    stage.server.answer = () => ({ text: 'red red red green' });
    await v.field.fill('Colours');
    await v.button('Send').tap();
    await v.settled();
    await openExperts(v);
    const [map, part] = [
      v.page.locator('.map-frame canvas').first(),
      v.page.locator('.map-frame canvas').last(),
    ];
    await part.waitFor();
    // The top left part at first; cells of 28 pixels begin after 26 pixels of layer numbers and 18 of expert numbers.
    await part.tap({ position: { x: 26 + 28 * 3.5, y: 18 + 28 * 2.5 } });
    const readout = v.page.locator('#experts-readout');
    await readout.getByText('routed to expert 3 in layer 3').waitFor();
    // A tap on the map moves the part and chooses no cell.
    const box = (await map.boundingBox()) as { width: number; height: number };
    await map.tap({ position: { x: box.width - 50, y: box.height - 4 } });
    await readout.getByText('routed to expert 3 in layer 3').waitFor();
    await part.tap({ position: { x: 26 + 14, y: 18 + 28 * 7.5 } });
    await readout.getByText(/routed to expert 11\d in layer 60/).waitFor();
  });
});
