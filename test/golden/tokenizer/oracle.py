"""The oracle: Hugging Face `tokenizers` set up exactly like the dots.llm1 tokenizer, on the vocabulary in merges.txt.gz.

Shared by train_vocabulary.py, record.py and bench/peers/tokenizers.py. Needs: pip install tokenizers
"""

import gzip
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

HERE = pathlib.Path(__file__).parent
MERGES = HERE / "merges.txt.gz"

# Qwen2's pattern, as dots.llm1's tokenizer.json has it.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CONTROL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|userprompt|>",
    "<|endofuserprompt|>",
    "<|response|>",
    "<|endofresponse|>",
    "<|system|>",
    "<|endofsystem|>",
    "<|reject-unknown|>",
    "<|sec-cot|>",
    "<|sec-end-cot|>",
]
# Not special: matched in every text. One is a prefix of the other, so the longest match shows.
USER_DEFINED = ["<tool_call>", "<tool_call>\n"]


def byte_alphabet():
    """The 256 characters that stand for bytes, in the order of their token ids."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def pre_tokenizer():
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def read_merges():
    with gzip.open(MERGES, "rt", encoding="utf-8") as file:
        return [tuple(line.split(" ")) for line in file.read().split("\n") if line]


def load(nfc=False):
    """Bytes first, then one token a merge, then the control tokens, then the user-defined ones."""
    merges = read_merges()
    vocab = {}
    for text in [*byte_alphabet(), *(left + right for left, right in merges)]:
        vocab.setdefault(text, len(vocab))
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in CONTROL])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in USER_DEFINED])
    return tokenizer
