#!/bin/sh
# tool.sh PREFIX VERSION: the tool of an installation runs, and says its version.
prefix=$1
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name 'libtroupe.*' | head -n 1)")
export LD_LIBRARY_PATH
said=$("$prefix/bin/troupe" --version 2>&1)
[ "$said" = "troupe $2" ] && exit
echo "tool.sh: $prefix/bin/troupe --version says: $said"
exit 1
