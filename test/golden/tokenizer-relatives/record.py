"""Records what Hugging Face `tokenizers` makes of the test strings, set up as tokenizers of other families are.

    node ../tokenizer/dump-strings.ts > strings.jsonl && python record.py strings.jsonl

The vocabulary is that of ../tokenizer. setups.json: the `tokenizer.json` of each setup without its vocabulary and merges,
and the name that GGUF has for its way of cutting. ids.bin: for each setup and every STEP-th string two little-endian u32,
FNV-1a over the ids (four bytes each): control tokens as text, then control tokens recognised and the start token added.
"""

import json
import sys

sys.path.insert(0, "../tokenizer")

import numpy
import tokenizers
from oracle import CONTROL, HERE as VOCABULARY, PATTERN, USER_DEFINED, byte_alphabet, read_merges
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

STEP = 40
LONGEST = 20_000
HERE = VOCABULARY.parent / "tokenizer-relatives"

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
QWEN35 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
EDGE = r"[^\r\n\p{L}\p{N}]?"
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (
    f"{EDGE}{UPPER}*{LOWER}+{CONTRACTIONS}|{EDGE}{UPPER}+{LOWER}*{CONTRACTIONS}" + r"|\p{N}{1,3}" + TAIL
)
TEKKEN = f"{EDGE}{UPPER}*{LOWER}+|{EDGE}{UPPER}+{LOWER}*" + r"|\p{N}" + TAIL
HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
# As the GGUF reader of DeepSeek's first models has it: letters with case, of some version of Unicode.
CASED = (
    "41-5a 61-7a b5 c0-d6 d8-f6 f8-1ba 1bc-1bf 1c4-293 295-2af 370-373 376-377 37b-37d 37f 386 388-38a 38c "
    "38e-3a1 3a3-3f5 3f7-481 48a-52f 531-556 10a0-10c5 13a0-13f5 13f8-13fd 1c90-1cba 1cbd-1cbf 1d00-1d2b "
    "1d6b-1d77 1d79-1d9a 1e00-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b 1f5d 1f5f-1f7d "
    "1f80-1fb4 1fb6-1fbc 1fbe 1fc2-1fc4 1fc6-1fcc 1fd0-1fd3 1fd6-1fdb 1fe0-1fec 1ff2-1ff4 1ff6-1ffc 2102 "
    "2107 210a-2113 2115 2119-211d 2124 2126 2128 212a-212d 212f-2134 2139 213c-213f 2145-2149 214e "
    "2183-2184 2c00-2c7b 2c7e-2ce4 2ceb-2cee 2cf2-2cf3 a640-a66d a680-a69b a722-a76f a771-a787 a78b-a78e "
    "ab70-abbf fb00-fb06 fb13-fb17 ff21-ff3a ff41-ff5a 10400-1044f 104b0-104d3 104d8-104fb 10c80-10cb2 "
    "10cc0-10cf2 118a0-118df 1e900-1e943"
)
DEEPSEEK3 = (
    r"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def class_of(ranges):
    ends = [[chr(int(code, 16)) for code in entry.split("-")] for entry in ranges.split()]
    return "[" + "".join("-".join(entry) for entry in ends) + "]"


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def cut(*steps):
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level(*steps, prefix=False):
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=True)])


# name -> what cuts; the setups that GGUF has a name for are called by it.
SETUPS = {
    "qwen2": dict(pre=cut(split(PATTERN))),
    "qwen3": dict(pre=cut(split(PATTERN)), nfc=True),
    "llama-bpe": dict(pre=cut(split(LLAMA3)), ignore_merges=True, bos="<|endoftext|>"),
    "smollm": dict(pre=byte_level(pre_tokenizers.Digits(individual_digits=True))),
    "gpt-2": dict(pre=byte_level()),
    "prefix-space": dict(pre=byte_level(prefix=True)),
    "qwen35": dict(pre=cut(split(QWEN35))),
    "gpt-4o": dict(pre=cut(split(GPT4O, "removed", invert=True))),
    "tekken": dict(pre=cut(split(TEKKEN)), ignore_merges=True, bos="<|endoftext|>"),
    "deepseek-llm": dict(
        pre=cut(
            split(r"[\r\n]"),
            split(rf"\s?{class_of(CASED)}+"),
            split("\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"),
            split(r"\s+$"),
            split(HAN),
            split(r"\p{N}+"),
        )
    ),
    "deepseek-coder": dict(
        pre=cut(split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(HAN), split(r"\p{N}"))
    ),
    "deepseek-v3": dict(pre=cut(split(r"\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), split(DEEPSEEK3))),
    "falcon": dict(pre=cut(split(r"[\p{P}\$\+<=>\^~\|`]+"), split(GPT2), split("[0-9][0-9][0-9]"))),
    "default": dict(
        pre=cut(split(r"[\p{P}\$\+<=>\^~\|]+"), split(GPT2), split(r"\p{N}+"), split("[0-9][0-9][0-9]"))
    ),
    "behaviors": dict(
        pre=cut(
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.Digits(individual_digits=False),
            split(r"\p{Lu}", "merged_with_next"),
            split(r"\s", "merged_with_previous"),
            split(r"[aeiou]", "contiguous"),
        )
    ),
    "borders": dict(
        pre=cut(
            pre_tokenizers.Split(" ", "merged_with_previous", invert=False),
            pre_tokenizers.Punctuation("isolated"),
            split(r"(?=[A-Z])"),
            split(r"\d+$"),
        )
    ),
    "stripping": dict(
        pre=cut(split(PATTERN)),
        rules={
            "<|im_start|>": dict(lstrip=True),
            "<|im_end|>": dict(rstrip=True),
            "<|userprompt|>": dict(lstrip=True, rstrip=True),
            "<|response|>": dict(single_word=True),
            "<tool_call>": dict(normalized=True, rstrip=True),
        },
    ),
}


def load(pre, nfc=False, ignore_merges=False, bos=None, rules={}):
    merges = read_merges()
    vocab = {}
    for text in [*byte_alphabet(), *(left + right for left, right in merges)]:
        vocab.setdefault(text, len(vocab))
    if ignore_merges:
        # Tokens that no merge makes: only as whole pieces they are found.
        merges = [merge for i, merge in enumerate(merges) if i % 50 != 7]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    added = lambda text, special: AddedToken(text, **{"special": special, "normalized": False, **rules.get(text, {})})
    tokenizer.add_special_tokens([added(text, True) for text in CONTROL])
    tokenizer.add_tokens([added(text, False) for text in USER_DEFINED])
    byte_post = processors.ByteLevel(trim_offsets=False)
    if bos:
        template = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
        tokenizer.post_processor = processors.Sequence([byte_post, template])
    else:
        tokenizer.post_processor = byte_post
    return tokenizer


def fnv1a(ids):
    value = 0x811C9DC5
    for byte in numpy.array(ids, dtype="<u4").tobytes():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


with open(sys.argv[1], encoding="utf-8") as file:
    # JSON may hold lone surrogates; UTF-8 may not. They count as U+FFFD.
    lines = [json.loads(line).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for line in file]
texts = [text for text in lines[::STEP] if len(text.encode("utf-16-le")) // 2 <= LONGEST]

shapes, hashes = {}, []
for name, setup in SETUPS.items():
    tokenizer = load(**setup)
    for text in texts:
        tokenizer.encode_special_tokens = True
        hashes.append(fnv1a(tokenizer.encode(text, add_special_tokens=False).ids))
        tokenizer.encode_special_tokens = False
        hashes.append(fnv1a(tokenizer.encode(text, add_special_tokens=True).ids))
    shape = json.loads(tokenizer.to_str())
    shape["model"] |= {"vocab": {}, "merges": []}
    shapes[name] = shape

numpy.array(hashes, dtype="<u4").tofile(HERE / "ids.bin")
facts = {"oracle": f"tokenizers {tokenizers.__version__}", "strings": len(texts), "step": STEP, "longest": LONGEST}
(HERE / "setups.json").write_text(json.dumps({**facts, "setups": shapes}, ensure_ascii=False) + "\n")
print(facts)
