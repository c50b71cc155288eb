#!/bin/sh
# library.sh ROOT PREFIX: what is installed there as a shared library says its version, exports what
# the public headers declare and nothing else, and finds all that it needs.
root=$1
library=$(find "$2" -name 'libtroupe.so.*' -type f)
status=0

say() {
    echo "$library: $*"
    status=1
}

version=$(sed -n 's/^project(troupe VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
header=$(sed -n 's/^#define TROUPE_VERSION "\(.*\)"/\1/p' "$root/include/troupe/troupe.h")
[ "$version" = "$header" ] || say "CMakeLists.txt says $version, troupe.h says $header"
case $library in
*/libtroupe.so."$version") ;;
*) say "is not the one library of version $version" ;;
esac
# Before 1.0 a minor version may change the interface.
soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ "$soname" = "libtroupe.so.${version%.*}" ] || say "its soname is $soname"
missing=$(ldd -r "$library" | grep -E 'not found|undefined')
[ -z "$missing" ] || say "misses $missing"
sh "$root/test/house/symbols.sh" "$root" "$library" || status=1
exit $status
