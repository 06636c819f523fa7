"""Extracts pages with trafilatura's default settings.

    python3 -m venv VENV && VENV/bin/pip install trafilatura==2.3.1 lxml_html_clean
    VENV/bin/python bench/peers/trafilatura-extract.py < PAGES.jsonl > TEXTS.jsonl

Each line of the output is {"text", "ms"}: processor time of one page, its JSON not counted. The last one is {"version"}.
"""
import json
import sys
import time

import trafilatura

for line in sys.stdin:
    page = json.loads(line)
    start = time.process_time()
    try:
        text = trafilatura.extract(page["html"], url=page.get("url")) or ""
    except Exception:
        text = ""
    print(json.dumps({"text": text, "ms": (time.process_time() - start) * 1000}), flush=True)
print(json.dumps({"version": trafilatura.__version__}))
