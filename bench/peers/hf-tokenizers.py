"""Hugging Face tokenizers on one thread, for bench/tokenizer.ts: one language a line on stdin, one JSON answer each.

    python hf-tokenizers.py LANGUAGE=NUMBER_OF_DOCUMENTS=FILE.jsonl.gz...

The vocabulary is that of the tests. `encode_batch_fast` is its fastest way: no offsets, one call.
"""

import gzip
import itertools
import json
import os
import pathlib
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "test" / "golden" / "tokenizer"))
from oracle import load  # noqa: E402

documents = {}
for argument in sys.argv[1:]:
    language, count, path = argument.split("=", 2)
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        documents[language] = [json.loads(line)["text"] for line in itertools.islice(file, int(count))]

tokenizer = load()
for line in sys.stdin:
    texts = documents[line.strip()]
    start = time.perf_counter()
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "tokens": sum(len(encoding) for encoding in encodings)}), flush=True)
