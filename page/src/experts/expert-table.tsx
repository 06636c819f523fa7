import type { JSX } from 'preact';
import { busiestExperts, type Load } from '../core/expert-load.ts';
import { chosenExperts } from '../core/recording.ts';
import { usePage, useValue } from '../ui/hooks.ts';
import type { TokenRef } from './token-strip.tsx';

const SHOWN = 5;

/** The map in words: for each layer its busiest experts, and those of the selected token. */
export function ExpertTable({ load, selected }: { load: Load; selected: TokenRef | undefined }): JSX.Element {
  const { settings, t } = usePage();
  const { language } = useValue(settings);
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  return (
    <details class="expert-table">
      <summary>{t('table')}</summary>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{t('tableLayer')}</th>
              <th scope="col">{t('tableBusiest')}</th>
              {selected && <th scope="col">{t('tableToken')}</th>}
            </tr>
          </thead>
          <tbody>
            {load.layout.layers.map((layer, i) => (
              <tr key={layer}>
                <th scope="row">{layer}</th>
                <td>
                  {busiestExperts(load, i, SHOWN).map(({ expert, count }) => (
                    <span class="busy" key={expert}>
                      {expert} <small>{percent.format(count / load.numTokens)}</small>
                    </span>
                  ))}
                </td>
                {selected && <td>{[...chosenExperts(selected.recording, selected.token, i)].join(' ')}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
