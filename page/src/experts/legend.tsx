import type { JSX } from 'preact';
import { usePage } from '../ui/hooks.ts';
import type { View } from './selection.ts';

/** What the colours mean. */
export function Legend(props: {
  view: View;
  hasToken: boolean;
  hasLine: boolean;
  hasTrail: boolean;
}): JSX.Element {
  const { view, hasToken, hasLine, hasTrail } = props;
  const { t } = usePage();
  if (view === 'groups') {
    return (
      <ul class="legend">
        <li>
          <span>{t('legendMoreB')}</span>
          <span class="scale difference" aria-hidden="true" />
          <span>{t('legendMoreA')}</span>
        </li>
      </ul>
    );
  }
  if (view === 'tokens') {
    return (
      <ul class="legend">
        <li>
          <span class="swatch a" aria-hidden="true" /> {t('legendA')}
        </li>
        <li>
          <span class="swatch b" aria-hidden="true" /> {t('legendB')}
        </li>
        <li>
          <span class="swatch both" aria-hidden="true" /> {t('legendBoth')}
        </li>
      </ul>
    );
  }
  return (
    <ul class="legend">
      <li>
        <span>{t('legendNever')}</span>
        <span class="scale load" aria-hidden="true">
          <i>{t('legendEven')}</i>
        </span>
        <span>{t('legendMost')}</span>
      </li>
      {hasToken && (
        <li>
          <span class="swatch a" aria-hidden="true" /> {t(hasLine ? 'legendTokenLine' : 'legendToken')}
        </li>
      )}
      {hasTrail && (
        <li>
          <span class="swatch a faded" aria-hidden="true" /> {t('legendRecent')}
        </li>
      )}
    </ul>
  );
}
