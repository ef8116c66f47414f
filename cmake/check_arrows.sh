#!/usr/bin/env bash
# The dependency arrows of ARCHITECTURE.md: what a folder of src/ includes must stand in its airbridge_module() line, and
# a pure folder may include of the system only what stands in the list below: no threads, sockets, files or clocks.
#
#   check_arrows.sh [FOLDER]    FOLDER instead of src/
#   check_arrows.sh --self-test plants one violation of each kind and sees that it is found
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# What a pure folder may take from outside the project.
pure_headers=' algorithm array atomic bit cctype charconv chrono cmath compare cstddef cstdint cstdlib cstring deque functional initializer_list iomanip iterator limits list map
  memory numbers numeric optional ostream queue random ratio set span sstream string string_view tuple type_traits unordered_map unordered_set utility variant vector
  cassert locale.h locale stdexcept ios version
  fmt/format.h fmt/ranges.h fmt/chrono.h pugixml.hpp simdjson.h sodium.h zstd.h nmmintrin.h bitset openssl/evp.h '
pure_list=" $(echo $pure_headers) "
pure_folders='geo model trust picture sync bearer ledger codec/cot codec/adsb'
# Calls that reach a clock, a file or chance without a header of their own.
impure_calls='(system|steady|high_resolution)_clock::now|std::time *\(|[^_a-z]time\(nullptr\)|clock_gettime|gettimeofday|[^_a-z]fopen *\(|std::(jthread|thread|async)|random_device|randombytes'
# The one place where keys and nonces are made: chance is what it is for.
may_draw='trust/keys.cpp'

module_of() { # path of a folder -> module name, or nothing
  sed -nE 's/^airbridge_module\(([a-z_]+).*/\1/p' "$1/CMakeLists.txt" 2>/dev/null | head -1
}
sources_of() { # the sources right in a folder
  find "$1" -maxdepth 1 \( -name '*.hpp' -o -name '*.cpp' \) | sort
}

check() { # check FOLDER
  cd "$1"
  local bad=0 folder name target file include deps allowed taking word line
  local -A folder_module=()
  while read -r file; do
    folder=$(dirname "$file")
    name=$(module_of "$folder")
    [ -z "$name" ] || folder_module[$folder]=$name
  done < <(find . -name CMakeLists.txt | sed 's|^\./||')
  if [ ${#folder_module[@]} = 0 ]; then echo "no module in $1"; return 1; fi

  for folder in "${!folder_module[@]}"; do
    deps=$(tr '\n' ' ' <"$folder/CMakeLists.txt" | sed -nE 's/.*airbridge_module\([a-z_]+ ([^)]*)\).*/\1/p')
    allowed=" ${folder_module[$folder]} "
    taking=no
    for word in $deps; do
      case $word in DEPS) taking=yes ;; LIBS | PRIVATE_LIBS | TEST_LIBS) taking=no ;; *) [ $taking = no ] || allowed+="$word " ;; esac
    done
    while IFS=: read -r file include; do
      target=$(dirname "$include")
      name=${folder_module[$target]:-}
      if [ -n "$name" ] && [[ $allowed != *" $name "* ]]; then
        echo "src/$file includes \"$include\", but $folder/CMakeLists.txt does not list $name in DEPS"
        bad=1
      fi
    done < <(sources_of "$folder" | xargs -r grep -HoE '^#include "[^"]+"' | sed -E 's/^([^:]+):#include "([^"]+)"/\1:\2/')
  done

  for folder in $pure_folders; do
    [ -d "$folder" ] || continue
    while IFS=: read -r file include; do
      if [[ $pure_list != *" $include "* ]]; then
        echo "src/$file includes <$include>: src/$folder is pure (see ARCHITECTURE.md)"
        bad=1
      fi
    done < <(sources_of "$folder" | grep -vE '_test\.cpp$|/test_' | xargs -r grep -HoE '^#include <[^>]+>' | sed -E 's/^([^:]+):#include <([^>]+)>/\1:\2/')
    while read -r line; do
      echo "src/$line: src/$folder is pure (see ARCHITECTURE.md)"
      bad=1
    done < <(sources_of "$folder" | grep -vE "_test\.cpp$|/test_|^$may_draw$" | xargs -r grep -HnE "$impure_calls" | grep -vE ':[0-9]+: *//' || true)
  done
  return $bad
}

self_test() { # each planted violation is found, and the tree without one passes
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  plant() { # plant NAME FILE LINE
    rm -rf "$root/src"; mkdir -p "$root/src/geo" "$root/src/model" "$root/src/store"
    echo 'airbridge_module(geo DEPS base)' >"$root/src/geo/CMakeLists.txt"
    echo 'airbridge_module(model DEPS geo)' >"$root/src/model/CMakeLists.txt"
    echo 'airbridge_module(store DEPS model)' >"$root/src/store/CMakeLists.txt"
    echo '#include <vector>' >"$root/src/geo/a.hpp"
    [ -z "$2" ] || echo "$3" >"$root/src/$2"
    if (check "$root/src") >/dev/null 2>&1; then echo passes; else echo fails; fi
  }
  expect() { [ "$(plant "$2" "${3:-}" "${4:-}")" = "$1" ] || { echo "check_arrows: '$2' is not told apart"; exit 1; }; }
  expect passes "nothing planted"
  expect fails "an arrow that points up" geo/b.cpp '#include "model/entry.hpp"'
  expect fails "a socket" geo/b.cpp '#include <sys/epoll.h>'
  expect fails "a thread" model/b.hpp '#include <thread>'
  expect fails "asio" model/b.hpp '#include <boost/asio.hpp>'
  expect fails "a clock" model/b.cpp 'auto now() { return std::chrono::system_clock::now(); }'
  expect fails "chance" model/b.cpp 'std::random_device chance;'
  rm -rf "$root/src"; mkdir "$root/src"
  if (check "$root/src") >/dev/null 2>&1; then echo "check_arrows: a tree without modules passes"; exit 1; fi
}

if [ "${1:-}" = --self-test ]; then self_test; exit 0; fi
check "$(realpath "${1:-$here/../src}")" || exit 1
echo "all arrows point the right way"
