import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type ModelFacts, readFacts } from '../core/model-facts.ts';
import { usePage, useValue } from './hooks.ts';

/** What the server says about its model. */
export function ModelPanel(): JSX.Element {
  const { chat, settings, t } = usePage();
  const { language } = useValue(settings);
  const server = useValue(chat.server);
  const [facts, setFacts] = useState<ModelFacts | undefined>(undefined);
  useEffect(() => {
    let isShown = true;
    void chat.props().then((props) => isShown && setFacts(readFacts(props)));
    return () => {
      isShown = false;
    };
  }, [chat]);
  if (!facts) return <p class="hint">{t('loading')}</p>;
  const count = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : new Intl.NumberFormat(language).format(value);
  const short = (value: number | undefined): string | undefined =>
    (value &&
      new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 }).format(value)) ||
    undefined;
  const { memory, types } = facts;
  const numBytes = types.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <dl class="facts">
      <Fact name={t('modelName')}>{server.status === 'ready' && server.model.id}</Fact>
      <Fact name={t('parameters')}>
        {facts.activeParameters === facts.parameters
          ? short(facts.parameters)
          : t('parametersActive', {
              total: short(facts.parameters) ?? '–',
              active: short(facts.activeParameters) ?? '–',
            })}
      </Fact>
      <Fact name={t('layers')}>{count(facts.numLayers)}</Fact>
      <Fact name={t('experts')}>
        {facts.numExperts
          ? t('expertFacts', {
              count: facts.numExperts,
              chosen: facts.numChosen ?? 0,
              shared: facts.numSharedExperts ?? 0,
            })
          : undefined}
      </Fact>
      <Fact name={t('context')}>
        {facts.contextLength !== undefined &&
          t('contextFacts', {
            count: facts.contextLength,
            trained: facts.trainedContextLength ?? facts.contextLength,
          })}
      </Fact>
      <Fact name={t('vocabulary')}>{count(facts.vocabSize)}</Fact>
      <Fact name={t('weightTypes')}>
        {types.map(({ name, bytes }) => `${name} ${percent(bytes / numBytes, language)}`).join(', ')}
      </Fact>
      <Fact name={t('memoryWeights')}>{memory && bytesText(memory.weights, language)}</Fact>
      <Fact name={t('memoryKv')}>
        {memory &&
          t('kvFacts', {
            used: bytesText(memory.kv, language),
            capacity: bytesText(memory.kvCapacity, language),
            type: facts.kvType ?? '–',
          })}
      </Fact>
      <Fact name={t('backend')}>{facts.backend}</Fact>
    </dl>
  );
}

/** Nothing where the server does not say. */
function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element | null {
  if (children === undefined || children === false || children === '') return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function percent(share: number, language: string): string {
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

function bytesText(bytes: number, language: string): string {
  const exponent = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const number = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(
    bytes / 1000 ** exponent,
  );
  return `${number} ${['B', 'kB', 'MB', 'GB', 'TB'][exponent]}`;
}
