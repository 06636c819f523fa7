/** All stages by name. Their code is loaded when a plan names them. */
import { InternalError } from '../../core/errors.ts';
import type { Stage } from './stage.ts';

/** What a loader gives is a stage of some configuration, which only the stage itself knows. */
type Loader = () => Promise<unknown>;

export const STAGES: Readonly<Record<string, Loader>> = {
  scan: async () => (await import('../stages/scan.ts')).scanStage,
  'url-filter': async () => (await import('../stages/url-filter.ts')).urlFilterStage,
  extract: async () => (await import('../stages/extract.ts')).extractStage,
  lid: async () => (await import('../stages/lid.ts')).lidStage,
  'identity-keys': async () => (await import('../stages/identity-keys.ts')).identityKeysStage,
  'edge-line-rows': async () => (await import('../stages/edge-line-rows.ts')).edgeLineRowsStage,
  'remove-edge-lines': async () => (await import('../stages/remove-edge-lines.ts')).removeEdgeLinesStage,
  rules: async () => (await import('../stages/rules.ts')).rulesStage,
  safety: async () => (await import('../stages/safety.ts')).safetyStage,
  'minhash-bands': async () => (await import('../stages/minhash-bands.ts')).minhashBandsStage,
  drop: async () => (await import('../stages/drop.ts')).dropStage,
};

export async function loadStage(name: string): Promise<Stage> {
  const load = Object.hasOwn(STAGES, name) ? STAGES[name] : undefined;
  if (!load) throw new InternalError(`there is no stage ${name}`);
  return (await load()) as Stage;
}
