"""Trains the vocabulary that the tokenizer tests use: byte-level BPE with this model's pre-tokenizer.

    python train_vocabulary.py EN.jsonl.gz ZH.jsonl.gz

Each file holds one {"text": ...} a line; the first 20 MB of text of each are used. merges.txt.gz was trained so, with
tokenizers 0.23.3, on public-domain books, Wikipedia and government texts in English and in Chinese.
"""

import gzip
import json
import sys

from oracle import MERGES, byte_alphabet, pre_tokenizer
from tokenizers import Tokenizer, models, trainers

NUM_MERGES = 33_000
BYTES_PER_FILE = 20_000_000


def texts(paths):
    for path in paths:
        left = BYTES_PER_FILE
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                text = json.loads(line)["text"]
                left -= len(text.encode())
                if left < 0:
                    break
                yield text


tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizer()
tokenizer.train_from_iterator(
    texts(sys.argv[1:]),
    trainers.BpeTrainer(vocab_size=256 + NUM_MERGES, initial_alphabet=byte_alphabet(), show_progress=False),
)
merges = json.loads(tokenizer.to_str())["model"]["merges"]
with gzip.GzipFile(MERGES, "wb", compresslevel=9, mtime=0) as file:
    file.write("".join(f"{left} {right}\n" for left, right in merges).encode())
print(f"{len(merges):,} merges, {MERGES.stat().st_size:,} bytes")
