"""datatrove's own filters on {"id", "text"} lines from stdin: one JSON line for each document on stdout.

    python -m venv VENV && VENV/bin/pip install "datatrove[processing]" spacy
    VENV/bin/python bench/peers/datatrove-rules.py < DOCUMENTS.jsonl > VERDICTS.jsonl

Each verdict is the reason that the filter gives, or null where it keeps the document; "c4_text" is what its line rules
leave. "seconds" is the time of all filters together.
"""

import hashlib
import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.base_filter import get_filter_result

FILTERS = {
    "gopher-repetition": GopherRepetitionFilter(),
    "gopher-quality": GopherQualityFilter(),
    "c4": C4QualityFilter(),
    "c4-lines": C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb": FineWebQualityFilter(),
}

seconds = 0.0
for line in sys.stdin:
    source = json.loads(line)
    result = {"id": source["id"]}
    for name, rule in FILTERS.items():
        document = Document(text=source["text"], id=source["id"])
        start = time.process_time()
        try:
            kept, reason = get_filter_result(rule.filter(document))
        except ZeroDivisionError:
            # A document without words or lines: the pipeline would end here.
            kept, reason = False, "division by zero"
        seconds += time.process_time() - start
        result[name] = None if kept else reason
        if name.startswith("c4") and kept:
            result[name + "-text"] = hashlib.md5(document.text.encode("utf-8", "replace")).hexdigest()
    print(json.dumps(result), flush=True)
print(json.dumps({"seconds": seconds}))
