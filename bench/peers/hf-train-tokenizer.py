"""Hugging Face tokenizers: train byte-level BPE with this model's pre-tokenizer on the same files as bench/bpe-trainer.ts.

    python hf-train-tokenizer.py VOCAB_SIZE OUT.json FILE.jsonl...

One JSON document on stdout. Reading the files is not in the time.
"""

import gzip
import json
import resource
import sys
import time

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
vocab_size, out, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
tokenizer = Tokenizer(models.BPE())
tokenizer.normalizer = normalizers.NFC()
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
)
tokenizer.decoder = decoders.ByteLevel()
documents = []
for path in files:
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        documents.extend(json.loads(line)["text"] for line in file)
trainer = trainers.BpeTrainer(
    vocab_size=vocab_size,
    min_frequency=2,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    show_progress=False,
)
before = resource.getrusage(resource.RUSAGE_SELF)
start = time.perf_counter()
tokenizer.train_from_iterator(iter(documents), trainer)
seconds = time.perf_counter() - start
after = resource.getrusage(resource.RUSAGE_SELF)
tokenizer.save(out)
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpuSeconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "peakMB": after.ru_maxrss / 1024,
        }
    )
)
