#!/bin/sh
# Whether this machine can build for WebAssembly and run it; names the Debian packages that are missing.
#
#   check-wasm-tools.sh "clang++ --target=wasm32-wasi"
cxx=$1
missing=

if ! command -v "${cxx%% *}" > /dev/null; then
  missing=" clang lld wasi-libc, and libc++-dev-wasm32, libc++abi-dev-wasm32, libclang-rt-dev-wasm32 of its version"
else
  version=$($cxx -dumpversion | cut -d. -f1)
  # A library that is not there keeps its bare name.
  has() { [ -f "$($cxx -print-file-name="$1")" ]; }
  [ -x "$($cxx -print-prog-name=wasm-ld)" ] || missing="$missing lld"
  has libc.a || missing="$missing wasi-libc"
  has libc++.a || missing="$missing libc++-$version-dev-wasm32"
  has libc++abi.a || missing="$missing libc++abi-$version-dev-wasm32"
  [ -f "$($cxx -print-libgcc-file-name)" ] || missing="$missing libclang-rt-$version-dev-wasm32"
fi
[ -z "$missing" ] && exit 0
echo "cannot build for WebAssembly; missing Debian packages:$missing" >&2
exit 1
