#!/bin/sh
# Fuzz every target for SECONDS (30) each, on the stable toolchain: a target that breaks a promise ends this.
# What follows is libFuzzer's: `run.sh 10 -seed=1 -runs=20000` does the same work each time, as CI has to.
# What is found on the way stays in target/found, what breaks a promise in target/artifacts.
set -eu
cd "$(dirname "$0")"
seconds=${1:-30}
shift $(($# > 0))
if ! command -v "${CXX:-c++}" > /dev/null; then
    echo "there is no C++ compiler for libFuzzer: only the committed corpus is tested, by cargo test" >&2
    exit 0
fi
host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz passes, without a sanitizer: only those need a nightly toolchain.
flags='--cfg fuzzing -Cpasses=sancov-module'
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    flags="$flags -Cllvm-args=-sanitizer-coverage-$option"
done
RUSTFLAGS=$flags cargo build --quiet --release --locked --target "$host"
mkdir -p target/artifacts
for folder in corpus/*; do
    target=${folder#corpus/}
    mkdir -p "target/found/$target"
    log=target/$target.log
    if ! "target/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="target/artifacts/$target-" "$@" \
        "target/found/$target" "$folder" > "$log" 2>&1; then
        grep -v '^#' "$log" | tail -n 40 >&2
        echo "$target: a promise was broken; the input is in sensors/rust/fuzz/target/artifacts" >&2
        exit 1
    fi
    echo "$target: $(sed -n 's/^Done //p' "$log")"
done
