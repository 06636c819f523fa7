import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { usePage } from './hooks.ts';
import { areAllowed, askForPermission, hasNotifications } from './notifications.ts';
import { useSetting } from './use-setting.ts';

/** Switches notifications on; the browser asks for permission then, and only then. */
export function NotifySetting(): JSX.Element {
  const { t } = usePage();
  const [{ notifies }, change] = useSetting();
  const [isDenied, setDenied] = useState(false);
  const hint = useId();
  const toggle = async (isOn: boolean): Promise<void> => {
    setDenied(false);
    const isAllowed = isOn && (await askForPermission());
    setDenied(isOn && !isAllowed);
    change({ notifies: isAllowed });
  };
  const isThere = hasNotifications();
  return (
    <section>
      <label class="check">
        <input
          type="checkbox"
          disabled={!isThere}
          checked={notifies && areAllowed()}
          aria-describedby={hint}
          onChange={(event) => void toggle(event.currentTarget.checked)}
        />
        {t('notifies')}
      </label>
      <p id={hint} class={isDenied ? 'problem' : 'hint'} role={isDenied ? 'alert' : undefined}>
        {t(isDenied ? 'notifiesDenied' : isThere ? 'notifiesHint' : 'notifiesMissing')}
      </p>
    </section>
  );
}
