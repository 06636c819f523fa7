import type { Settings } from '../core/settings.ts';
import { usePage, useValue } from './hooks.ts';

/** The settings, and how a part of them is changed. */
export function useSetting(): [Settings, (change: Partial<Settings>) => void] {
  const { settings } = usePage();
  const current = useValue(settings);
  return [current, (change) => settings.update((all) => ({ ...all, ...change }))];
}
