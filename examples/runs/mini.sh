#!/usr/bin/env bash
# From a corpus folder to models/mini.gguf: tokenizer, shards, pre-training, annealing, fine-tuning, export.
#
#   npm ci && examples/runs/mini.sh CORPUS [WORK]
#
# CORPUS holds pretrain/{en,zh}[.valid].jsonl.gz ({"text", "source"} a line) and chat/*.jsonl.gz ({"messages"} a line);
# models/README.md names the sets and their licences. What is done already is not done again: start it as often as needed.
set -euo pipefail
cd "$(dirname "$0")/../.."
corpus=$(realpath "$1")
work=${2:-runs/mini}
recipe=examples/runs/mini
dots="node bin/dots.js"
mkdir -p "$work/shards" "$work/chat" models
cp "$recipe"/*.json "$recipe/chat_template.jinja" "$work/"

[ -f "$work/tokenizer.json" ] ||
  $dots tokenizer train "$corpus"/pretrain/{en,zh}.jsonl.gz --vocab-size 8192 --max-bytes-per-file 60000000 \
    --out "$work/tokenizer.json"

shard() { # NAME LANGUAGE FILE [OPTIONS…]
  [ -f "$work/shards/$1.tok" ] ||
    $dots data tokenize "$corpus/pretrain/$3.jsonl.gz" --tokenizer "$work/tokenizer.json" --language "$2" \
      --out "$work/shards/$1.tok" "${@:4}"
}
shard en en en
shard zh zh zh
shard en.valid en en.valid
shard zh.valid zh zh.valid
# For annealing, of the same documents: children's books, Wikipedia, news for learners; in Chinese Wikipedia, recipes, Lu Xun.
shard en-best en en --source 'GITenberg|WikiTasks|OneStop|FairytaleQA|pb-source|asp-source'
shard zh-best zh zh --source 'science_fair|DRCD|HowToCook|global-asp|luxun'
node "$recipe/make-everyday.mjs" "$work/chat"
node "$recipe/make-chat.mjs" "$corpus/chat" "$work/chat"

newest() { find "$work/$1/checkpoints" -mindepth 1 -maxdepth 1 -name 'step-*' | sort | tail -n 1; }
stage() { # COMMAND RUN NAME: train, then keep the newest checkpoint under a name of its own
  [ -d "$work/$3" ] && return
  $dots "$1" "$work/$2.json" --resume
  cp -r "$(newest "$2")" "$work/$3.partial" && mv "$work/$3.partial" "$work/$3"
}
stage train pretrain pretrained
stage sft sft tuned
stage sft settle talking

$dots convert "$work/talking" models/mini.gguf --type q8_0 --force
node scripts/gguf-metadata.mjs models/mini.gguf general.name=mini general.sampling.temp=0.5 general.sampling.top_p=0.8
node "$recipe/check-answers.mjs" models/mini.gguf
