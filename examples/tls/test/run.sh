#!/bin/sh
# run.sh PROGRAM...: makes certificates in a folder of their own, and runs the program with them.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
"$here/certificates.sh" "$folder" shop till
"$here/certificates.sh" "$folder" thief
"$@" "$folder"
