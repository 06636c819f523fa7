#!/bin/sh
# usage: check-symbols.sh <isa> <object>...   Kernels for one instruction set may share no code with others.
#
# An inline function or template with external linkage is compiled wherever it is used, and the linker keeps one copy.
# If that copy came from a source that was compiled for AVX-512, the program ends on every machine without. So all that
# a kernel's object defines must have the instruction set's namespace in its name.
isa=$1
shift
shared=$(nm -C --defined-only "$@" | grep -E ' [TWVuDBR] ' | grep -v "dots::$isa::" | sed 's/^[0-9a-f]* //' | sort -u)
[ -z "$shared" ] && exit 0
echo "in objects of $isa, but not in its namespace:"
echo "$shared"
exit 1
