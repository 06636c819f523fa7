import type { JSX } from 'preact';
import type { RecordedToken } from '../core/expert-load.ts';
import { choiceAt, type TokenOdds as Odds, type TokenChance } from '../core/token-odds.ts';
import { usePage, useValue } from '../ui/hooks.ts';

/** The most likely tokens in the place of one, with their chances. Nothing where none were recorded. */
export function TokenOdds({ at: { recording, token } }: { at: RecordedToken }): JSX.Element | null {
  const { settings, t } = usePage();
  const { language } = useValue(settings);
  const choice = recording.odds && choiceAt(recording.odds, token);
  if (!choice) return null;
  const isListed = choice.top.some(({ text }) => text === choice.text);
  const rows: readonly TokenChance[] = isListed ? choice.top : [...choice.top, choice];
  return (
    <div class="token-odds">
      <table>
        <caption>{t('oddsOf', { token: shownToken(choice.text) })}</caption>
        <tbody>
          {rows.map(({ text, logprob }, i) => {
            const chance = Math.exp(logprob);
            const isChosen = text === choice.text;
            return (
              // Two tokens may have one text.
              <tr key={`${i} ${text}`} class={isChosen ? 'chosen' : ''}>
                <th scope="row">
                  {shownToken(text)}
                  {isChosen && <span class="sr-only"> {t('chosenToken')}</span>}
                </th>
                <td>{percent(chance, language)}</td>
                <td class="odds-bar">
                  <meter aria-hidden="true" min={0} max={1} value={chance} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** 0 for tokens that were certain, 4 for those that hardly anybody would have expected. */
export function surpriseOf(odds: Odds, token: number): number {
  const choice = choiceAt(odds, token);
  return choice ? LEVELS.filter((level) => Math.exp(choice.logprob) < level).length : 0;
}

const LEVELS: readonly number[] = [0.9, 0.5, 0.2, 0.05];

/** Spaces and line breaks can be seen. */
function shownToken(text: string): string {
  return text === '' ? '◦' : text.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '⇥');
}

function percent(chance: number, language: string): string {
  const format = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  return chance > 0 && chance < 0.001 ? `< ${format.format(0.001)}` : format.format(chance);
}
