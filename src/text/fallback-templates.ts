/** Chat templates for models whose files have none, by the markers in their vocabulary. */
import { UnsupportedError } from '../core/errors.ts';
import { type ChatTemplate, FALLBACK_TEMPLATE } from './chat-template.ts';
import type { Tokenizer } from './tokenizer.ts';

interface Family {
  readonly name: string;
  readonly markers: readonly string[];
  readonly source: string;
}

/** The vocabulary of dots.llm1 has ChatML's markers too, from Qwen's, and never saw them: it comes first. */
const FAMILIES: readonly Family[] = [
  {
    name: 'dots.llm1',
    markers: ['system', 'endofsystem', 'userprompt', 'endofuserprompt', 'response', 'endofresponse'].map(
      (name) => `<|${name}|>`,
    ),
    source: FALLBACK_TEMPLATE.source,
  },
  {
    name: 'Llama 3',
    markers: ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
    source:
      '{% if bos_token is defined %}{{ bos_token }}{% endif %}{% for message in messages %}' +
      "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}" +
      "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
  },
  {
    name: 'ChatML',
    markers: ['<|im_start|>', '<|im_end|>'],
    source:
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
      "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  },
];

/** A file's own template as it is; in place of none that of the family whose markers the vocabulary has, whatever their kind. */
export function withFallback(
  template: ChatTemplate,
  vocabulary: Pick<Tokenizer, 'idOf'> | undefined,
): ChatTemplate {
  const family =
    template.isFallback && vocabulary ? familyOf((text) => vocabulary.idOf(text) !== undefined) : undefined;
  return family ? { ...template, source: family.source } : template;
}

/** Throws `UnsupportedError` if a fallback writes markers that the vocabulary doesn't have. */
export function requireMarkers(template: ChatTemplate, tokenizer: Tokenizer): void {
  if (!template.isFallback) return;
  const hasMarker = (text: string): boolean => {
    const id = tokenizer.idOf(text);
    return id !== undefined && tokenizer.isControl(id);
  };
  const family = familyOf(hasMarker);
  const missing = family?.markers.filter((marker) => !hasMarker(marker)) ?? [];
  if (family?.source === template.source && missing.length === 0) return;
  const known = FAMILIES.map(({ name }) => name).join(', ');
  const why =
    missing.length > 0
      ? `its vocabulary lacks ${missing.join(' ')}`
      : `its vocabulary has the markers of no known form (${known})`;
  throw new UnsupportedError(`Cannot chat: the model has no chat template, and ${why}`, {
    code: 'no-chat-template',
    hint:
      'use "dots run" for plain text; to give it a template, make a folder of it with "dots convert" and ' +
      'put a chat_template.jinja there',
  });
}

/** One marker is enough to belong to a family: a vocabulary that lacks others of it is damaged. */
function familyOf(hasMarker: (text: string) => boolean): Family | undefined {
  return FAMILIES.find(({ markers }) => markers.some(hasMarker));
}
