# Sourced by the rules, which run from the root of the tree that they judge.
# A rule prints "file:line: what is wrong" for each violation, and fails if there is one.
set -u
LC_ALL=C # awk then sees bytes, whatever the locale
export LC_ALL

rooms="base mailbox serial actors transport"

# c_files DIR...: the C files below those of the folders that exist.
c_files() {
    for dir; do
        [ ! -d "$dir" ] || find "$dir" -name '*.[ch]'
    done | sort
}
