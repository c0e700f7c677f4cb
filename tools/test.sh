#!/usr/bin/env bash
# Sets up, builds and runs all tests:  tools/test.sh [release|debug|asan|tsan]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
tools/setup.sh
cmake --preset "$preset"
cmake --build --preset "$preset"
# UBSan, TSan and ASan stop the process at the first report, and a test that stops has failed.
ctest --preset "$preset" --no-tests=error
