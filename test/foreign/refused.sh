#!/bin/sh
# refused.sh ROOT: what can't be in a message does not compile, and each compiler here says why in
# words that a person can read.
set -u
cd "$1" || exit 1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
status=0
tried=0

# compile LIST [TAG [CASE [VALUE]]]: a struct with members of many types, of which the list names
# some; a one-of with a tag and a case; and a list to which a value is added.
compile() {
    cat >"$scratch/one.c" <<END
#include <troupe/build.h>
enum colour { RED };
struct point { int x, y; };
struct other { long long far; };
struct it {
    int n, *pointer, array[3];
    char *text, letters[8];
    long long large;
    void (*call)(void);
    struct point point;
    TROUPE_MANY(int) many;
    TROUPE_MANY(char) letters_of;
    TROUPE_MAYBE(int) maybe;
};
static const troupe_enum colours = TROUPE_ENUM_TYPE(TROUPE_CHOICE(RED));
extern const troupe_type it_type;
const troupe_type it_type = TROUPE_TYPE(it, $1);
struct either {
    enum colour which;
    short narrow;
    union { long long far; int n; };
};
extern const troupe_one_of either_of;
const troupe_one_of either_of = TROUPE_ONE_OF_TYPE(either, ${2-which},
    ${3-TROUPE_CASE(RED, TROUPE_FIELD(either, n))});
struct list { TROUPE_MANY(int) many; };
void add(troupe_builder *b, struct list *it, int n, float f, const int *in);
void add(troupe_builder *b, struct list *it, int n, float f, const int *in) {
    (void)n, (void)f, (void)in;
    TROUPE_ADD(b, it->many, ${4-&n});
}
extern const troupe_enum *colours_of;
const troupe_enum *colours_of = &colours;
END
    "$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only \
        "$scratch/one.c" >"$scratch/said" 2>&1
}

# refuses LIST WORDS [TAG [CASE [VALUE]]]: does not compile, and the words are in what is said.
refuses() {
    list=$1 words=$2
    shift 2
    if compile "$list" "$@"; then
        echo "$compiler takes: $list $*"
        status=1
    elif ! grep -q "$words" "$scratch/said"; then
        echo "$compiler does not say '$words' of: $list $*"
        cat "$scratch/said"
        status=1
    fi
}

never=a_member_of_this_type_can_not_be_in_a_message
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    tried=$((tried + 1))
    if ! compile 'TROUPE_FIELD(it, n), TROUPE_ARRAY(it, array), TROUPE_LIST(it, many),
        TROUPE_OPTIONAL(it, maybe)'; then
        echo "$compiler does not take what is good:"
        cat "$scratch/said"
        status=1
    fi
    refuses 'TROUPE_FIELD(it, pointer)' $never
    refuses 'TROUPE_FIELD(it, text)' $never
    refuses 'TROUPE_FIELD(it, letters)' $never
    refuses 'TROUPE_FIELD(it, large)' $never
    refuses 'TROUPE_FIELD(it, call)' $never
    refuses 'TROUPE_FIELD(it, point)' $never
    refuses 'TROUPE_FIELD(it, n), TROUPE_FIELD(it, array)' $never
    refuses 'TROUPE_ARRAY(it, letters)' $never
    refuses 'TROUPE_LIST(it, letters_of)' $never
    refuses 'TROUPE_ARRAY(it, pointer)' 'negative\|size of array'
    refuses 'TROUPE_LIST(it, array)' 'at'
    refuses 'TROUPE_OPTIONAL(it, n)' 'value'
    refuses 'TROUPE_FIELD_OF(it, point, 5)' '_Generic\|association'
    refuses 'TROUPE_FIELD(it, missing)' 'missing'
    one='TROUPE_FIELD(it, n)' case='TROUPE_CASE(RED, TROUPE_FIELD(either, n))'
    if ! compile "$one" which "$case" in; then
        echo "$compiler does not take what is added:"
        cat "$scratch/said"
        status=1
    fi
    refuses "$one" 'negative\|size of array' narrow
    refuses "$one" $never which 'TROUPE_CASE(RED, TROUPE_FIELD(either, far))'
    refuses "$one" 'BLUE' which 'TROUPE_NO_CASE(BLUE)'
    refuses "$one" 'pointer' which "$case" '&f'
done
[ $tried -gt 0 ] || {
    echo "there is no compiler"
    exit 77
}
exit $status
