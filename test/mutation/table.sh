# Sourced by who reads the file `mutations`; $here is the folder that it is in.

# table: each mutation in a line, NAME|FILE|SUITE|WHAT IT BREAKS|THE EDIT.
table() {
    awk -F ' *[|] *' '
    /^#/ || /^$/ { next }
    /^ / { sub(/^ */, ""); print head $0; next }
    { head = $1 "|" $2 "|" $3 "|" $4 "|" }' "$here/mutations"
}

# page: the same as a table of Markdown, without the edits.
page() {
    echo '| mutation | in | breaks | caught by |'
    echo '|---|---|---|---|'
    table | awk -F '|' '{ print "| " $1 " | " $2 " | " $4 " | `" $3 "` |" }'
}
