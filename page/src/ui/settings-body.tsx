import type { JSX } from 'preact';
import { Appearance } from './appearance.tsx';
import { DataSection } from './data-section.tsx';
import { NotifySetting } from './notify-setting.tsx';
import { PromptLibrary } from './prompt-library.tsx';
import { SamplingFields } from './sampling-fields.tsx';
import { ServerSettings } from './server-settings.tsx';
import { SystemPrompt } from './system-prompt.tsx';

/** System prompt, sampling, prompts, appearance, key, and moving conversations in and out. */
export function SettingsBody({ onImported }: { onImported: () => void }): JSX.Element {
  return (
    <>
      <SystemPrompt />
      <SamplingFields />
      <PromptLibrary />
      <Appearance />
      <NotifySetting />
      <ServerSettings />
      <DataSection onImported={onImported} />
    </>
  );
}
