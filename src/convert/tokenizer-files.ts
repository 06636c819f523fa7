/** The files of a Hugging Face folder that hold a tokenizer. */
import type { HfFiles, JsonObject } from '../format/hf-folder.ts';
import { byteLevelJson, preTokenizerToJson } from '../text/pre-tokenizer-json.ts';
import type { TokenizerSource } from '../text/tokenizer.ts';
import { TOKEN_CONTROL, TOKEN_UNUSED, TOKEN_USER_DEFINED } from '../text/vocabulary.ts';

/** As small files of a folder. */
export function tokenizerFiles(
  source: TokenizerSource,
  contextLength: number,
  chatTemplate: string | undefined,
  onWarning?: (text: string) => void,
): Omit<HfFiles, 'config'> {
  if (source.isNormalizerGuessed)
    onWarning?.(
      'the file does not say whether text is put into form NFC; tokenizer.json does so, as in other models that cut text in ' +
        'this way, and then text with combining characters gets other ids than from the file',
    );
  const { eos, pad } = source.special;
  const padding = pad === undefined ? {} : { pad_token_id: pad };
  return {
    ...(eos.length > 0 && { generationConfig: { eos_token_id: [...eos], ...padding } }),
    tokenizerJson: tokenizerToJson(source),
    tokenizerConfig: tokenizerToConfig(source, contextLength, chatTemplate),
  };
}

/** `tokenizer.json`. Unused ids have no token there. */
export function tokenizerToJson(source: TokenizerSource): JsonObject {
  const { vocabulary, preTokenizer, merges, jsonNormalizer, addedRules, ignoreMerges = false } = source;
  const added = [...vocabulary.idsOfKind(TOKEN_CONTROL), ...vocabulary.idsOfKind(TOKEN_USER_DEFINED)].sort(
    (a, b) => a - b,
  );
  const isAdded = new Set(added);
  const used = Array.from(vocabulary.texts.keys()).filter((id) => vocabulary.kindOf(id) !== TOKEN_UNUSED);
  const normal = used.filter((id) => !isAdded.has(id));
  // Readers number added tokens onwards from the vocabulary's end; where that would give others, the vocabulary has to
  // name them too.
  const isContiguous = added.every((id, i) => id === normal.length + i);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map((id) => {
      const {
        singleWord = false,
        lstrip = false,
        rstrip = false,
        normalized = false,
      } = addedRules?.get(id) ?? {};
      return {
        id,
        content: vocabulary.texts[id],
        single_word: singleWord,
        lstrip,
        rstrip,
        normalized,
        special: vocabulary.kindOf(id) === TOKEN_CONTROL,
      };
    }),
    normalizer: jsonNormalizer ? { type: 'NFC' } : null,
    pre_tokenizer: preTokenizerToJson(preTokenizer.steps, source.prefixSpace),
    post_processor: postProcessor(source),
    decoder: byteLevelJson(),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: ignoreMerges,
      vocab: Object.fromEntries((isContiguous ? normal : used).map((id) => [vocabulary.texts[id], id])),
      merges: merges.map((merge) => (typeof merge === 'string' ? merge.split(' ') : merge)),
    },
  };
}

/** A template puts the start token first; readers of this format don't look at `add_bos_token`. */
function postProcessor({ special, vocabulary }: TokenizerSource): JsonObject {
  if (special.bos === undefined) return byteLevelJson();
  const text = vocabulary.texts[special.bos];
  const start = { SpecialToken: { id: text, type_id: 0 } };
  const sequence = (id: string, typeId: number): JsonObject => ({ Sequence: { id, type_id: typeId } });
  return {
    type: 'Sequence',
    processors: [
      byteLevelJson(),
      {
        type: 'TemplateProcessing',
        single: [start, sequence('A', 0)],
        pair: [start, sequence('A', 0), start, sequence('B', 1)],
        special_tokens: { [text]: { id: text, ids: [special.bos], tokens: [text] } },
      },
    ],
  };
}

/** `tokenizer_config.json` */
export function tokenizerToConfig(
  { declared, special, vocabulary }: TokenizerSource,
  contextLength: number,
  chatTemplate: string | undefined,
): JsonObject {
  const text = (id: number | undefined): string | null =>
    id === undefined ? null : (vocabulary.texts[id] ?? null);
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: text(declared.bos),
    eos_token: text(special.eos[0]),
    pad_token: text(special.pad),
    add_bos_token: special.bos !== undefined,
    clean_up_tokenization_spaces: false,
    model_max_length: contextLength,
    ...(chatTemplate !== undefined && { chat_template: chatTemplate }),
  };
}
