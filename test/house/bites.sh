#!/bin/sh
# bites.sh RULE: shows that a rule fails where it should, and only there. It is run on a small tree
# that is good, then on that tree made bad in several ways; each violation must be named.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
rule=$1
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
cd "$tree" || exit 1
mkdir -p $rooms include/troupe examples bench test/base

# run: judges the tree.
run() {
    "$here/$rule.sh" "$tree" "$@" >said 2>&1
}

passes() {
    if ! run "$@"; then
        echo "$rule.sh fails on a good tree:"
        cat said
        exit 1
    fi
}

# bites TEXT...: the rule must fail and print a line with each text.
bites() {
    if run $libraries; then
        echo "$rule.sh passes a bad tree; expected: $*"
        exit 1
    fi
    for text; do
        if ! grep -qF -- "$text" said; then
            echo "$rule.sh does not say: $text; it says:"
            cat said
            exit 1
        fi
    done
}

# lines N: that many lines of C, all of one function.
lines() { awk -v n="$1" 'BEGIN { print "void f(void) {"; while (n-- > 2) print ";"; print "}" }'; }

libraries=
case $rule in
layers)
    echo '#include "base/a.h"' >mailbox/a.c
    printf '#include "actors/port.h"\n#include <nng/nng.h>\n' >transport/a.c
    echo '#include <msgpack.h>' >serial/a.c
    printf '#include "local.h"\n#include <troupe/troupe.h>\n' >examples/a.c
    passes
    printf '\n#include "mailbox/a.h"\n' >base/bad.c
    echo '#include "serial/a.h"' >mailbox/bad.h
    echo '# include "mailbox/a.h"' >serial/bad.c
    echo '#include "transport/a.h"' >actors/bad.c
    printf '#include "actors/a.h"\n#include "a.h"\n#include <msgpack.h>\n' >transport/bad.c
    echo '#include <nng/nng.h>' >actors/net.c
    echo '#include "base/a.h"' >include/troupe/bad.h
    echo '#include "base/a.h"' >examples/bad.c
    echo '#include "../actors/a.h"' >bench/bad.c
    bites base/bad.c:2: mailbox/bad.h:1: serial/bad.c:1: actors/bad.c:1: transport/bad.c:1: \
        transport/bad.c:2: transport/bad.c:3: actors/net.c:1: include/troupe/bad.h:1: \
        examples/bad.c:1: bench/bad.c:1:
    ;;
conditions)
    printf '#if 1\n#endif\n' >base/a.c
    printf '#ifndef TR_A_H\n#define TR_A_H\n#endif\n' >serial/a.h
    printf '#ifndef TROUPE_A_H\n#ifdef __cplusplus\n#endif\n#endif\n' >include/troupe/a.h
    printf '#ifdef TROUPE_DEBUG_MOVES\n#endif\n' >include/troupe/moves.h
    passes
    printf '#ifdef TROUPE_DEBUG_MOVES\n#endif\n' >include/troupe/other.h
    printf '\n#ifdef __linux__\n#elif 1\n#endif\n' >mailbox/bad.c
    printf '#ifndef TR_A_H\n#ifndef TR_B_H\n#endif\n#endif\n' >serial/bad.h
    printf '#ifdef __cplusplus\n#endif\n' >actors/bad.h
    printf '#if defined _WIN32\n#endif\n' >include/troupe/bad.h
    bites mailbox/bad.c:2: mailbox/bad.c:3: serial/bad.h:2: actors/bad.h:1: include/troupe/bad.h:1: \
        include/troupe/other.h:1:
    ;;
moves)
    echo 'TROUPE_CHECKED int troupe_a(int a, troupe_msg **msg);' >include/troupe/a.h
    printf 'TROUPE_SEEN(troupe_a, int a)\n#define troupe_a(...)\n' >include/troupe/moves.h
    printf 'int troupe_share(troupe_msg **msg, troupe_msg **out);\n' >include/troupe/b.h
    passes
    printf '\nTROUPE_CHECKED int troupe_b(troupe_msg **msg,\n    int a);\n' >include/troupe/b.h
    bites 'include/troupe/b.h:2: include/troupe/moves.h has no TROUPE_SEEN(troupe_b,' \
        'has no #define troupe_b('
    ;;
sizes)
    lines 70 >base/a.c
    awk 'BEGIN { while (n++ < 500) print "" }' >base/b.c
    awk 'BEGIN { while (n++ < 50) printf "é "; print "" }' >base/c.c
    passes
    lines 71 >actors/bad.c
    awk 'BEGIN { while (n++ < 501) print "" }' >test/base/test_bad.c
    awk 'BEGIN { print ""; while (n++ < 101) printf "x"; print "" }' >include/troupe/bad.h
    bites actors/bad.c:1: test/base/test_bad.c:501: include/troupe/bad.h:2:
    ;;
docs)
    printf '/* A\n * b. */\nint tr_a(int a,\n         int b);\n\n// C.\nint tr_b(void);\n' >base/a.h
    printf 'static inline int tr_c(void) { return 0; }\n' >base/b.h
    passes
    printf '/* A. */\nint tr_a(void);\nint tr_b(void); /* B. */\nint tr_c(void);\n' >serial/bad.h
    printf '/* A. */\n\nint *\ntr_d(void);\n' >actors/bad.h
    printf '#define TROUPE_API\nTROUPE_API extern const int troupe_v;\n' >include/troupe/bad.h
    printf 'static inline int troupe_i(void) { return 0; }\n' >>include/troupe/bad.h
    bites serial/bad.h:3: serial/bad.h:4: actors/bad.h:4: include/troupe/bad.h:2: \
        include/troupe/bad.h:3:
    ;;
headers)
    printf '#ifdef __cplusplus\nextern "C" {\n#endif\nint troupe_a(void);\n' >include/troupe/a.h
    printf '#ifdef __cplusplus\n}\n#endif\n' >>include/troupe/a.h
    passes
    echo '/* A. */ int troupe_b(size_t n);' >include/troupe/bad.h
    bites include/troupe/bad.h:1:
    echo 'int troupe_b(int class);' >include/troupe/bad.h
    bites include/troupe/bad.h:1:
    echo 'int troupe_b(void);' >include/troupe/bad.h
    bites 'no extern "C"' 'troupe_b()'
    ;;
symbols)
    api='__attribute__((visibility("default")))'
    echo "$api int troupe_a(void);" >include/troupe/a.h
    echo "$api int troupe_a(void) { return 0; } int tr_a; static int a;" >base/a.c
    cc -w -fPIC -fvisibility=hidden -c -o a.o base/a.c && ar rc liba.a a.o &&
        cc -shared -o liba.so a.o || exit 1
    passes "$tree/liba.a" "$tree/liba.so"
    echo "int b; $api int tr_b; $api int troupe_c;" >base/bad.c
    cc -fPIC -fvisibility=hidden -c -o b.o base/bad.c && ar rc liba.a b.o &&
        cc -shared -o liba.so b.o || exit 1
    libraries="$tree/liba.a $tree/liba.so"
    bites 'liba.a:b.o: exports b' 'liba.so: exports tr_b' 'include/troupe/a.h:1: troupe_a is decl' \
        'liba.so: exports troupe_c, which no header declares'
    ;;
stems)
    touch base/a.h test/base/test_a.c base/b.c serial/c.h
    lines 50 >base/a.c
    lines 40 >serial/c.c
    passes
    lines 41 >serial/c.c
    bites serial/c.c:1:
    ;;
mutations)
    mkdir test/mutation docs
    printf '# A\n\nless | base/a.c | base:a | a is 0\n    s/1/0/\n' >test/mutation/mutations
    printf 'more | base/b.c | base:* | b is 2\n    /b/s/1/2/\n' >>test/mutation/mutations
    echo 'int a = 1;' >base/a.c
    echo 'int b = 1;' >base/b.c
    printf '# B\n\n| mutation | in | breaks | caught by |\n|---|---|---|---|\n' >docs/verification.md
    echo '| less | base/a.c | a is 0 | `base:a` |' >>docs/verification.md
    printf '| more | base/b.c | b is 2 | `base:*` |\n\n| a | b |\n' >>docs/verification.md
    passes
    sed -i '/| less |/d' docs/verification.md
    echo 'int b = 7;' >base/b.c
    bites docs/verification.md:1: '> | less |' 'mutations:5: more changes nothing'
    ;;
cases)
    mkdir docs test/actors
    printf '# A\n\nCases: 1, 2,\n3.\n\n4 is no case\n' >docs/supervision.md
    printf 'Everywhere(a, case_1_b) {\n}\nTest(a, case_2_c) {\n    everywhere(c);\n}\n' \
        >test/actors/test_supervisor.c
    printf 'Test(a, b) {\n}\nEverywhere(a, case_3_d) {\n}\n' >test/actors/test_supervisor_a.c
    mkdir test/transport
    printf '| 7 | a |\n## Nodes\n| case | what |\n|---|---|\n| 1 | a |\n| 20 | b |\n' \
        >docs/conformance.md
    printf 'ANYWHERE(a, case_01_b, 9) {\n}\nSIMULATED(a, case_20_c, 9) {\n}\n' \
        >test/transport/test_a.c
    printf 'BOTH(b, case_20_d) {\n}\n' >test/transport/test_b.c
    passes
    printf 'Test(a, b) {\n}\nTest(a, case_1_d) {\n}\n' >test/actors/test_supervisor_a.c
    bites docs/supervision.md:1: 'case 3 has no test' test_supervisor_a.c:3:
    printf 'Test(b, case_20_d) {\n}\n' >test/transport/test_b.c
    bites 'case 20 of nodes has no test over real connections'
    printf 'BOTH(b, case_20_d) {\n}\n' >test/transport/test_b.c
    printf 'BOTH(a, case_01_b) {\n}\n' >test/transport/test_a.c
    bites 'case 1 of nodes has no test in simulation' 'case 20 of nodes has no test in simulation'
    ;;
readme)
    printf 'Hello.\n```sh\nls\n```\n```c\nint a;\n```\n```c\nint b;\n```\n' >README.md
    echo 'int a;' >examples/first.c
    mkdir -p docs/guide examples/more
    printf 'int b;\nint c;\n\nint d;\n' >examples/more/a.c
    printf '```c\nint c;\n\nint d;\n```\n```\nint\n```\n```c\nint a;\n```\n' >docs/guide/a.md
    printf 'one\ntwo\n' >examples/more/a.expected
    printf '```text\ntwo\n```\n[a](a.md#b) [b](https://b.c)\n```\n[c](d)\n```\n' >>docs/guide/a.md
    passes
    printf '```c\nint a;\n```\n\n```c\nint c;\nint d;\n```\n' >docs/guide/bad.md
    printf '```c\nnt c;\n```\n```c\nint  a;\nint b;\n```\n' >docs/guide/worse.md
    printf '```text\nint b;\n```\n[a](a.md), [b](../b.md#c)\n' >>docs/guide/worse.md
    echo 'int  a;' >examples/first.c
    bites README.md:5: docs/guide/bad.md:5: docs/guide/worse.md:1: docs/guide/worse.md:4: \
        docs/guide/worse.md:8: 'docs/guide/worse.md:11: there is no ../b.md'
    ;;
memory)
    printf 'int troupe_a(\n    int n);\nextern const troupe_behaviour troupe_b;\n' >include/troupe/a.h
    printf 'extern const int troupe_c;\nstatic inline int troupe_d(void) { return 0; }\n' \
        >>include/troupe/a.h
    printf 'Test(oom, troupe_a) {\n}\nTest(oom, troupe_b) {\n}\n' >test/base/test_a.c
    printf 'Test(takes_nothing, troupe_d) {\n}\nTest(oom, other) {\n}\n' >>test/base/test_a.c
    passes
    printf 'int troupe_aa(void);\n\nextern const troupe_behaviour troupe_bb;\n' \
        >include/troupe/bad.h
    printf 'static inline int troupe_dd(void) { return 0; }\n' >>include/troupe/bad.h
    printf 'Test(a, troupe_aa) {\n}\nTest(oom, troupe_e) {\n}\n' >test/base/test_bad.c
    bites include/troupe/bad.h:1: include/troupe/bad.h:3: include/troupe/bad.h:4: \
        test/base/test_bad.c:3:
    ;;
guarantees)
    mkdir docs test/stress
    touch include/troupe/a.h test/stress/stress_a.c
    printf 'Test(a, b) {\n}\nSIMULATED(\n    a, c_d, 5) {\n}\n' >test/base/test_a.c
    printf '# A\n\n| promise | header | held by |\n|---|---|---|\n' >docs/guarantees.md
    printf '| A. | [a](../include/troupe/a.h) | `base:a/b`, `stress.a` |\n' >>docs/guarantees.md
    printf '| B. | [a](../include/troupe/a.h) | `base:a/c_*` |\n' >>docs/guarantees.md
    echo '`base:a/b` and `base:a/c_*`, `a/d`, `stress:e`' >base/README.md
    passes
    echo 'It is `base:a/b`, or `base:a/d*`.' >docs/links.md
    printf '| C. | a.h | `base:a/b` |\n' >>docs/guarantees.md
    printf '| D. | [b](../include/troupe/b.h) | `base:a/c`, `base:b/*` |\n' >>docs/guarantees.md
    printf '| E. | [a](../include/troupe/a.h) | all of them |\n' >>docs/guarantees.md
    printf '| F |\n|---|\n| [a](../include/troupe/a.h), [b](b.c) `stress.a` |\n' >docs/from-rust.md
    rm test/stress/stress_a.c
    bites 'md:5: there is no test stress.a' 'md:7: no header' \
        'md:8: there is no ../include/troupe/b.h' 'md:8: there is no test base:a/c' \
        'md:8: there is no test base:b/*' 'md:9: no test holds' \
        'rust.md:3: there is no b.c' 'rust.md:3: there is no test stress.a' \
        'links.md:1: there is no test base:a/d*'
    ;;
run-criterion)
    # Here the judged is a runner, played by a script that prints what Criterion would.
    printf 'Test(a, b) {\n}\nParameterizedTest(int *n, a, c) {\n}\n' >test.c
    run() { sh "$here/../run-criterion.sh" ./runner test.c >said 2>&1; }
    plays() { printf '#!/bin/sh\n%s\n' "$1" >runner && chmod +x runner; }
    summary="echo '[====] Synthesis: Tested: 2 | Passing: 2 | Failing: 0 | Crashing: 0 '"
    plays "$summary"
    passes
    plays "$summary; exit 3" && bites 'ended with status 3'
    plays "$summary; echo '==1==ERROR: LeakSanitizer: leaks'" && bites 'leaked'
    plays "$summary; echo 'a.c:1:2: runtime error: overflow'" && bites 'undefined behaviour'
    plays "exit 0" && bites 'no summary'
    plays "echo 'Synthesis: Tested: 0 | Passing: 0'" && bites '0 tests ran'
    plays "echo 'Synthesis: Tested: 1 | Passing: 1'" && bites '1 tests ran, the sources define 2'
    ;;
*)
    echo "bites.sh: no such rule: $rule"
    exit 1
    ;;
esac
