#!/bin/sh
# Whether two builds of print-bits print the same, whatever instruction sets each of them has.
#
#   same-bits.sh "qemu-aarch64 -L /usr/aarch64-linux-gnu build/neon/release/print-bits" build/release/print-bits
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Lines without the instruction set that they begin with: one line each, where all of a build agree.
lines() { $1 > "$folder/all" && cut -d ' ' -f 2- "$folder/all" | sort -u > "$folder/$2"; }
lines "$1" there || exit 1
lines "$2" here || exit 1
[ -s "$folder/here" ] && diff "$folder/there" "$folder/here" || { echo "different bits: $1" >&2; exit 1; }
echo "the same bits: $(wc -l < "$folder/here") outputs"
