#!/usr/bin/env bash
# Sets up, builds, and answers the main question about the clip that ships with limbic: which emotion is in this voice?
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh
cmake --preset release -DLIMBIC_TESTS=OFF >&2
cmake --build --preset release --target limbic limbic_reader limbic_reader_yunet limbic_reader_hdf5 >&2
build/release/limbic predict "${1:-tests/clips/demo.mp4}"
