import type { Browser } from 'playwright-core';
import { expect } from 'vitest';
import type { Visit } from './browser.ts';

/** The longest task on the page's main thread, in time of the processor: other work on the machine makes all longer by the clock. */
export async function longestTaskMs(v: Visit, work: () => Promise<unknown>): Promise<number> {
  const browser = v.page.context().browser() as Browser;
  await browser.startTracing(v.page, { categories: ['toplevel', 'devtools.timeline'] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    traceEvents: { name: string; pid: number; tid: number; args: { name?: string }; tdur?: number }[];
  };
  const threadOf = ({ pid, tid }: { pid: number; tid: number }): string => `${pid}.${tid}`;
  const main = new Set(traceEvents.filter(({ args }) => args.name === 'CrRendererMain').map(threadOf));
  const tasks = traceEvents.filter((event) => event.name.endsWith('RunTask') && main.has(threadOf(event)));
  expect(tasks.length).toBeGreaterThan(0);
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1000));
}
