"""Records the oracle's ids for the test strings as hashes.

    node dump-strings.ts > strings.jsonl && python record.py strings.jsonl

shape.json: the oracle's own tokenizer.json (with NFC), but without its vocabulary and merges. ids.bin: for each string three little-endian u32: FNV-1a over the ids (four bytes each) with control tokens as text, with
control tokens recognised, and with control tokens recognised after NFC. ids.json says of how many strings, and by what.
"""

import json
import sys

import numpy
import tokenizers
from oracle import HERE, load


def fnv1a(ids):
    value = 0x811C9DC5
    for byte in numpy.array(ids, dtype="<u4").tobytes():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def encode(tokenizer, text, control):
    tokenizer.encode_special_tokens = not control
    return tokenizer.encode(text, add_special_tokens=False).ids


plain, nfc = load(), load(nfc=True)
hashes, num_tokens = [], 0
with open(sys.argv[1], encoding="utf-8") as file:
    for line in file:
        # JSON may hold lone surrogates; UTF-8 may not. They count as U+FFFD.
        text = json.loads(line).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        ids = [encode(plain, text, False), encode(plain, text, True), encode(nfc, text, True)]
        num_tokens += len(ids[1])
        hashes += map(fnv1a, ids)

shape = json.loads(nfc.to_str())
shape["model"] |= {"vocab": {}, "merges": []}
(HERE / "shape.json").write_text(json.dumps(shape, indent=1) + "\n")
numpy.array(hashes, dtype="<u4").tofile(HERE / "ids.bin")
facts = {"strings": len(hashes) // 3, "tokens": num_tokens, "oracle": f"tokenizers {tokenizers.__version__}"}
(HERE / "ids.json").write_text(json.dumps(facts, indent=2) + "\n")
print(facts)
