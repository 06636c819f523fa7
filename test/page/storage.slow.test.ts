import { expect, it } from 'vitest';
import { describePage, type Visit } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

/** The disk that the browser gives the page. */
async function limitStorage(v: Visit, quotaSize?: number): Promise<void> {
  const session = await v.page.context().newCDPSession(v.page);
  const { origin } = new URL(v.page.url());
  await session.send('Storage.overrideQuotaForOrigin', {
    origin,
    ...(quotaSize !== undefined && { quotaSize }),
  });
}

describePage('the browser’s storage', startScriptedServer, (stage) => {
  it('is reported when it is full, and what could not be saved is, once there is room', async () => {
    const v = await stage.open();
    // Before the first write: browsers reckon for a while with the room that they last saw.
    await limitStorage(v, 1000);
    stage.server.answer = () => ({ text: `Unsaved ${'long '.repeat(20_000)}` });
    await v.ask('Much');
    const notice = v.page.getByRole('alert').filter({ hasText: 'storage is full' });
    await notice.waitFor();
    const [download] = await Promise.all([
      v.page.waitForEvent('download'),
      notice.getByRole('button', { name: 'Export everything' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('conversations.json');
    await limitStorage(v);
    await notice.getByRole('button', { name: 'Save again' }).click();
    await notice.waitFor({ state: 'detached' });
    expect(await v.stored()).toContain('Unsaved long');
  });

  it('is shown in the settings, with what recordings take of it and how to delete them', async () => {
    const v = await stage.open();
    stage.server.answer = () => ({ text: 'token '.repeat(500) });
    await v.ask('Record');
    await expect.poll(() => v.stored()).toContain('"status":"done"');
    await v.button('Settings').click();
    // 500 tokens with 360 experts, a byte each.
    await v.page.getByText('Recordings of tokens take 0.2 MB').waitFor();
    await v.page.getByText(/^[\d.]+ MB of [\d,.]+ MB are used/).waitFor();
    await v.button('Delete recordings').click();
    await v.page.getByText('Recordings of tokens take 0 MB').waitFor();
  });
});
