#!/usr/bin/env bash
# The dependency arrows of ARCHITECTURE.md: what a folder of src/ includes must stand in its airbridge_module() line, and
# a pure folder must not reach for threads, sockets, files or clocks.
set -euo pipefail
cd "$(dirname "$0")/../src"
bad=0
module_of() { # path of a folder -> module name, or nothing
  sed -nE 's/^airbridge_module\(([a-z_]+).*/\1/p' "$1/CMakeLists.txt" 2>/dev/null | head -1
}
declare -A folder_module
while read -r file; do
  folder=$(dirname "$file")
  name=$(module_of "$folder")
  [ -n "$name" ] && folder_module[$folder]=$name
done < <(find . -name CMakeLists.txt | sed 's|^\./||')

for folder in "${!folder_module[@]}"; do
  deps=$(tr '\n' ' ' <"$folder/CMakeLists.txt" | sed -nE 's/.*airbridge_module\([a-z_]+ ([^)]*)\).*/\1/p')
  allowed=" ${folder_module[$folder]} "
  taking=no
  for word in $deps; do
    case $word in DEPS) taking=yes ;; LIBS | PRIVATE_LIBS | TEST_LIBS) taking=no ;; *) [ $taking = yes ] && allowed+="$word " ;; esac
  done
  while IFS=: read -r file include; do
    target=$(dirname "$include")
    name=${folder_module[$target]:-}
    [ -n "$name" ] || continue
    if [[ $allowed != *" $name "* ]]; then
      echo "src/$file includes \"$include\", but $folder/CMakeLists.txt does not list $name in DEPS"
      bad=1
    fi
  done < <(grep -noE '^#include "[^"]+"' "$folder"/*.hpp "$folder"/*.cpp 2>/dev/null | sed -E 's/^([^:]+):[0-9]+:#include "([^"]+)"/\1:\2/')
done

for folder in geo model trust picture sync ledger codec/cot codec/adsb; do
  if grep -nE '#include <(thread|mutex|fstream|condition_variable|sys/socket\.h|unistd\.h|fcntl\.h|filesystem)>|system_clock::now|steady_clock::now' \
    "$folder"/*.hpp "$folder"/*.cpp 2>/dev/null | grep -vE "_test\.cpp|/test_"; then
    echo "src/$folder is pure: it may not use the lines above (see ARCHITECTURE.md)"
    bad=1
  fi
done
[ $bad = 0 ] && echo "all arrows point the right way"
exit $bad
