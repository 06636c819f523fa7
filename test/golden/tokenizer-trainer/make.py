"""The oracle of the BPE trainer: Hugging Face tokenizers (0.23.3) trained on the same text, and reading our file.

    python make.py corpus                    writes corpus.jsonl.gz, made-up text of fixed seed
    dots tokenizer train corpus.jsonl.gz --vocab-size 900 --out /tmp/tokenizer.json
    python make.py record /tmp/tokenizer.json    writes expected.json

expected.json: the merges that tokenizers learns; the ids that it gives for some strings with *our* tokenizer.json,
read with Tokenizer.from_file; and the SHA-256 of that file, so that the test knows it writes the same.
"""

import gzip
import hashlib
import json
import pathlib
import random
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
CORPUS = HERE / "corpus.jsonl.gz"
EXPECTED = HERE / "expected.json"
VOCAB_SIZE = 900
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
STRINGS = [
    "The river runs past the old mill.",
    "Don't WE'LL they've",
    "你好，世界！今天天气很好。",
    "cafe\u0301 café ﬁne Å",
    "x = 12345;\n\n\tfoo(bar)  \r\n",
    "😀👨‍👩‍👧 🇨🇳 \u0301",
    "<|endoftext|>text<|userprompt|>hi<|endofuserprompt|><|response|>",
    "   ",
    "",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\u0085\ufeff\u3000\u200b",
]


def corpus():
    """Words of made-up languages, drawn with the frequencies of real ones (Zipf), between all sorts of spacing."""
    rng = random.Random(20250606)
    onsets = ["", "b", "br", "c", "d", "f", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "th", "v", "w"]
    rhymes = ["a", "e", "i", "o", "u", "an", "en", "er", "ing", "on", "or", "ou", "é", "ö", "e\u0301", "o\u0308"]
    words = ["".join(rng.choice(onsets) + rng.choice(rhymes) for _ in range(rng.randint(1, 4))) for _ in range(900)]
    characters = [chr(rng.randrange(0x4E00, 0x9FA6)) for _ in range(300)]
    phrases = ["".join(rng.choice(characters) for _ in range(rng.randint(1, 4))) for _ in range(500)]
    zipf = lambda items: items[int(len(items) * rng.random() ** 3)]
    with gzip.GzipFile(CORPUS, "wb", compresslevel=9, mtime=0) as file:
        for number in range(120):
            parts = []
            for _ in range(rng.randint(5, 60)):
                if number % 2:
                    parts.append("".join(zipf(phrases) for _ in range(rng.randint(1, 5))))
                    parts.append(rng.choice("，，，。！\n、"))
                else:
                    word = zipf(words)
                    parts.append(rng.choice([word, word, word, word.capitalize(), word.upper(), str(rng.randint(0, 3000))]))
                    parts.append(rng.choice([" ", " ", " ", " ", ", ", ". ", ".\n\n", "'s ", "'ll ", "  ", "\r\n", "\t", "!!! ", " 😀"]))
            file.write((json.dumps({"text": "".join(parts)}, ensure_ascii=False) + "\n").encode())


def record(path):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    # 16 control tokens come out of the vocabulary's size.
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - 16,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]

    ours = Tokenizer.from_file(path)
    cases = []
    for text in STRINGS:
        ids = ours.encode(text).ids
        cases.append({"text": text, "ids": ids, "decoded": ours.decode(ids, skip_special_tokens=False)})
    expected = {
        "merges": [" ".join(merge) for merge in merges],
        "sha256": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(),
        "cases": cases,
    }
    EXPECTED.write_text(json.dumps(expected, ensure_ascii=True, indent=0) + "\n")
    print(f"{len(merges):,} merges, {len(cases)} strings")


if sys.argv[1:] == ["corpus"]:
    corpus()
elif sys.argv[1:2] == ["record"] and len(sys.argv) == 3:
    record(sys.argv[2])
else:
    sys.exit(__doc__)
