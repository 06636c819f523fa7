import { expect, it } from 'vitest';
import { translator } from '../../page/src/strings.ts';
import { axeFindings } from './axe.ts';
import { describePage } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';
import { eachView } from './views.ts';

const WAYS = (['en', 'zh'] as const).flatMap((language) =>
  (['light', 'dark'] as const).flatMap((colorScheme) =>
    [390, 1440].map((width) => ({ language, colorScheme, width })),
  ),
);

describePage('axe finds nothing to complain of', startScriptedServer, (stage) => {
  it.each(WAYS)('in $language, $colorScheme, at $width pixels', async ({ language, colorScheme, width }) => {
    const v = await stage.open({
      locale: language === 'en' ? 'en-GB' : 'zh-CN',
      colorScheme,
      viewport: { width, height: 800 },
      // Colours that change slowly are measured on their way.
      reducedMotion: 'reduce',
    });
    const found = new Set<string>();
    await eachView(v, stage.server, translator(language), async (view) => {
      for (const finding of await axeFindings(v)) found.add(`${view}: ${finding}`);
    });
    expect([...found]).toEqual([]);
  });
});
