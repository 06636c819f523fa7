"""Texts that rules are compared on, as {"id", "text"} lines on stdout: documents, hand-made page texts, and raw noisy pages.

    python bench/peers/rule-texts.py CORPUS > DOCUMENTS.jsonl

CORPUS holds pretrain/en.jsonl.gz ({"text"}) and web/*.jsonl.gz ({"html"} and a reference text). A raw page is its HTML
without tags; of every fourth, scripts and styles stay in the text.
"""

import gzip
import html
import json
import random
import re
import sys

WEB = {
    "wcxb_dev": "main_content",
    "article_extraction_benchmark": "gold_text",
    "newspaper_test_pages": "gold_text",
    "readability_test_pages": "gold_text",
    "trafilatura_eval": None,
}
SCRIPTS = re.compile(r"(?is)<(script|style|noscript|template)\b.*?</\1\s*>")
BLOCKS = re.compile(
    r"(?i)</?(p|div|br|li|ul|ol|tr|td|th|table|h[1-6]|section|article|header|footer|nav|aside|main|form|option|select|"
    r"title|dd|dt|figure|figcaption|blockquote|pre|hr)\b[^>]*>"
)
MAX_DOCUMENT, MAX_PAGE = 4_000, 10_000


def rows(path):
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def without_tags(page, keeps_scripts):
    if not keeps_scripts:
        page = SCRIPTS.sub("\n", page)
    page = BLOCKS.sub("\n", re.sub(r"(?s)<!--.*?-->", "", page))
    text = re.sub(r"[ \t]+", " ", html.unescape(re.sub(r"<[^>]*>", "", page)))
    return re.sub(r"\n\s*\n+", "\n", text).strip()


corpus = sys.argv[1]
texts = []
documents = list(rows(f"{corpus}/pretrain/en.jsonl.gz"))
for number, row in enumerate(documents[:: max(1, len(documents) // 2600)]):
    texts.append((f"pretrain-{number}", row["text"][:MAX_DOCUMENT]))
for name, field in WEB.items():
    for number, row in enumerate(rows(f"{corpus}/web/{name}.jsonl.gz")):
        if field and row.get(field) is not None:
            texts.append((f"{name}-gold-{number}", row[field]))
        texts.append((f"{name}-raw-{number}", without_tags(row["html"], False)))
        if number % 4 == 0:
            texts.append((f"{name}-scripts-{number}", without_tags(row["html"], True)))
random.Random(1).shuffle(texts)
for identifier, text in texts:
    print(json.dumps({"id": identifier, "text": text[:MAX_PAGE]}, ensure_ascii=False))
