import { afterEach, expect, it } from 'vitest';
import { describePage } from './browser.ts';
import { startScriptedServer } from './scripted-server.ts';

describePage('waiting for the server', startScriptedServer, (stage) => {
  const { open } = stage;
  afterEach(() => {
    stage.server.modelsError = undefined;
  });

  it('says that the model is loaded, holds a question back until it is, and connects by itself', async () => {
    stage.server.modelsError = { status: 503, code: 'model_loading', message: '3 of 12 GB read' };
    const v = await open();
    await v.page.getByRole('status').getByText('The model is being loaded (3 of 12 GB read).').waitFor();
    await v.page.getByRole('heading', { name: 'Loading…' }).waitFor();
    stage.server.answer = () => ({ text: 'Loaded.' });
    await v.begin('Are you there?');
    await v.answer.getByText('The model is being loaded').waitFor();
    stage.server.modelsError = undefined;
    await v.answer.getByText('Loaded.').waitFor();
    await v.page.getByRole('heading', { name: 'scripted' }).waitFor();
  });

  it('shows a server that fails, and connects by itself when it answers', async () => {
    stage.server.modelsError = { status: 502, code: 'bad_gateway', message: 'No server for this proxy' };
    const v = await open();
    await v.page
      .getByRole('alert')
      .getByText(/No server for this proxy.*asks again by itself/)
      .waitFor();
    stage.server.modelsError = undefined;
    await v.page.getByRole('heading', { name: 'scripted' }).waitFor();
    expect(await v.page.getByRole('alert').count()).toBe(0);
  });

  it('counts down to when a busy server wants to be asked again; one can give up', async () => {
    const v = await open();
    const error = { status: 429, code: 'queue_full', message: 'The queue is full' };
    let count = 0;
    stage.server.answer = () =>
      ++count === 1 ? { error: { ...error, headers: { 'retry-after': '2' } } } : { text: 'My turn.' };
    await v.begin('Hello?');
    await v.answer.getByText(/The server is busy. Asking again in [12] s/).waitFor();
    await v.answer.getByText('My turn.').waitFor();
    expect(count).toBe(2);

    stage.server.answer = () => ({ error: { ...error, headers: { 'retry-after': '90' } } });
    await v.begin('And now?');
    await v.button('Give up').click();
    await v.page.getByRole('alert').getByText('The server is too busy').waitFor();
    await v.button('Try again').waitFor();
  });

  it('says that a stream is silent, and no longer when it continues', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'One two three', holdAfter: 2 });
    await v.begin('Count');
    await v.answer.getByText(/Nothing has come from the server for \d+ s/).waitFor();
    expect(await v.answer.innerText()).toContain('One two');
    stage.server.release();
    await v.settled();
    expect(await v.answer.innerText()).not.toContain('Nothing has come');
  });

  it('says in a sentence that the server sent something else than an answer', async () => {
    const v = await open();
    stage.server.answer = () => ({ text: 'Good so far', raw: '{"choices":[{"del' });
    await v.ask('Broken?');
    const box = v.page.getByRole('alert');
    await box.getByText('The server sent something that this page does not understand').waitFor();
    expect(await box.innerText()).not.toMatch(/SyntaxError|undefined|Unexpected/);
    expect(await v.answer.innerText()).toContain('Good so far');
  });
});
