#!/usr/bin/env bash
# One visit to a GPU, in under nine minutes:  tools/gpu_check.sh [OUT]
# Builds the kernels for the GPU that is here, compares what each wrapper of kernels/ptx.h gives with the emulator's
# words (tests/gpu/ptx*.golden), runs every kernel test (each rung thrice: the same bits), races whole CNN-14 with
# PyTorch where $LIMBIC_PYTHON (default: python3) has one with CUDA, and every rung with cuDNN and cuBLAS, of maps in
# bf16 first; sets ncu's counters of ten kernels beside the emulator's, and asks the four tools of compute-sanitizer.
# Writes OUT/gpu_check.json and OUT/gpu_check.md (default: build/gpu_check). Needs CUDA, CMake and a C++ compiler, and
# five libraries' headers: where they are not installed, those that `tools/gpu_check.sh --pack` left in
# build/gpu_headers on a machine that has them.
# Exit codes: 0, 6 no GPU, 7 a check did not hold.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
source tools/gpu_build.sh

if [ "${1:-}" = --pack ]; then
  mkdir -p $headers/include $headers/lib/cmake/fmt
  for library in CLI fmt nlohmann toml++ catch2; do cp -rL /usr/include/$library $headers/include/ || exit 1; done
  cat >$headers/lib/cmake/fmt/fmt-config.cmake <<'CMAKE'
foreach(name fmt fmt-header-only)
  add_library(fmt::${name} INTERFACE IMPORTED)
  target_compile_definitions(fmt::${name} INTERFACE FMT_HEADER_ONLY=1)
  target_include_directories(fmt::${name} SYSTEM INTERFACE ${CMAKE_CURRENT_LIST_DIR}/../../../include)
endforeach()
CMAKE
  echo "$headers: $(du -sh $headers | cut -f1)"
  exit
fi

out=${1:-build/gpu_check}
mkdir -p "$out"
rm -f "$out"/*.log # of an earlier visit
start=$SECONDS limit=530 due=0
stages="" rows="" failed=0

# time_for SECONDS: how long the next stage may run: its own seconds and what those before it did not need. All seconds
# given out in this script are `limit` together.
time_for() { echo $(((due + $1 < limit ? due + $1 : limit) - (SECONDS - start))); }
# stage NAME SECONDS COMMAND...: its output goes to OUT/NAME.log; counters say there why they refuse, exit 3.
stage() {
  local name=$1 begin=$SECONDS left status code=0
  left=$(time_for "$2") due=$((due + $2))
  shift 2
  if [ "$left" -lt 1 ]; then
    status="left out: no time" code=125
  else
    timeout "$left" "$@" >"$out/$name.log" 2>&1 || code=$?
    case $code:$name in
      0:*) status=ok ;;
      124:*) status="stopped after $left s" ;;
      3:counters) status="refused: $(sed -n 's/^gpu_counters: //p' "$out/$name.log" | tail -n 1 | plain)" ;;
      *) status="failed: exit $code" ;;
    esac
  fi
  record "$name" "$status" $((SECONDS - begin))
  return $code
}
plain() { tr -cd ' -~' | tr -d '"\\|' | cut -c 1-120; } # what JSON and a table take
record() {
  echo "gpu_check: $1: $2 ($3 s)" >&2
  stages+="${stages:+,}"$'\n  '"{\"name\": \"$1\", \"status\": \"$2\", \"seconds\": $3}"
  rows+="| $1 | $2 | $3 |"$'\n'
}

if ! { stage configure 20 cmake -S . -B "$build" "${options[@]}" &&
  stage build 240 cmake --build "$build" --target limbic test_gpu test_engine --parallel "$(nproc)"; }; then
  end_without_gpu "$out/configure.log"
  tail -qn 30 "$out"/{configure,build}.log >&2
  exit 1
fi
targets=$(cmake --build "$build" --target help)
if grep -q 'limbic_vendor\b' <<<"$targets"; then # a pipe that grep leaves early would count as a failure
  stage yardsticks 20 cmake --build "$build" --target limbic_vendor --parallel "$(nproc)" || failed=1
fi
doctor=$("$build/limbic" doctor)
if ! grep -q '^ *cuda *ok' <<<"$doctor"; then
  grep '^ *cuda ' <<<"$doctor" >&2
  exit 6
fi

export LIMBIC_TEST_DEVICE=cuda
stage ptx 10 "$build/tests/test_gpu" "ptx:*" || failed=1
for words in "$build"/ptx*.cuda; do [ ! -f "$words" ] || cp "$words" "$out/"; done
stage tests 40 "$build/tests/test_gpu" || failed=1
stage graphs 10 "$build/tests/test_engine" "step graph:*" || failed=1

# Whole CNN-14, in turns with PyTorch (eager, and compiled with channels_last and AMP); alone where there is none.
race_nets() {
  local name=$1 most=$2
  shift 2
  stage "$name" "$most" "$build/limbic" bench net --only cnn14_infer --only cnn14_train --device cuda --json --quiet \
    "$@" && raced=$name
}
ran_out() { [ "$1" = 124 ] || [ "$1" = 125 ]; } # of time: no check that did not hold
python=${LIMBIC_PYTHON:-python3} raced=""
has_gpu='import torch; torch.cuda.is_available() or exit("its torch finds no GPU")'
due=$((due + 20))
if why=$(timeout 20 "$python" -c "$has_gpu" 2>&1); then
  race_nets pytorch 60 --python "$python"
else
  record pytorch "left out, no PyTorch with CUDA: $(printf %s "${why##*$'\n'}" | plain)" 0
fi
[ -n "$raced" ] || race_nets alone 10 --alone || ran_out $? || failed=1

# Every rung, on as many shapes as there is time for: the program stops by itself and prints what it has.
race_kernels() {
  local name=$1 most=$2 left
  left=$(time_for "$most")
  stage "$name" "$most" "$build/limbic" bench kernels --storage "$3" --json --quiet \
    --seconds $((left > 16 ? left - 15 : 1)) || ran_out $? || failed=1
}
race_kernels bench_bf16 30 bf16
race_kernels bench 40 f32

stage counters 10 tools/gpu_counters.sh "$build/limbic" ||
  echo "gpu_check: $(grep -s '^gpu_counters: ' "$out/counters.log" | tail -n 1); the day goes on" >&2
counters=$(grep -sv '^gpu_counters: ' "$out/counters.log" | sed -n '/^\[$/,/^\]$/p')

# Rungs with barriers, shuffles, cp.async and tensor cores, on shapes with borders; all of them would take the day.
sanitized() {
  local op rung pass shape
  while IFS='|' read -r op rung pass shape; do
    echo "== $op $pass $rung, $shape"
    compute-sanitizer --tool "$1" --error-exitcode 9 "$build/limbic" kernels run "$op" "$rung" --pass "$pass" \
      --shape "$shape" --device cuda || return
  done <<'RUNGS'
conv2d|v4_tensor_core_3xtf32|fwd|odd
conv2d|v4_tensor_core_3xtf32|dx|odd
conv2d|v4_tensor_core_bf16|dw|odd
conv2d|v2_tiled|fwd|odd
matmul|v4_tensor_core_3xtf32|fwd|odd
matmul|v3_register_tiled|fwd|odd
batch_norm|v2_chunks|bwd|rows=700,C=24
softmax|v3_block|fwd|rows=4,C=1000
grid_sample|v2_whole_numbers|bwd|N=2,H=7,W=9,C=3,P=8,Q=5
lstm|v3_persistent|fwd|N=3,T=5,D=20
lstm|v3_persistent|bwd|N=3,T=5,D=20
attention|v2_block|fwd|N=3,T=20,E=24,A=70
attention|v2_block|bwd|N=3,T=20,E=24,A=70
batch_norm_pool|v2_windows|bwd|N=3,H=9,W=7,C=24
conv2d|v3_winograd|fwd|odd
conv2d|v3_winograd|dx|odd
conv2d|v5_wgmma_bf16|fwd|odd
conv2d|v5_wgmma_bf16|dx|odd
conv2d|v5_wgmma_bf16|dw|odd
conv2d|v5_wgmma_bf16|fwd_bf16|N=2,H=9,W=7,C=16,K=24,R=3,S=3,pad_h=1,pad_w=1
conv2d|v4_tensor_core_bf16|dw_bf16|N=2,H=9,W=7,C=16,K=24,R=3,S=3,pad_h=1,pad_w=1
batch_norm_conv2d|v4_tensor_core_3xtf32|fwd|N=2,H=9,W=7,C=16,K=24,R=3,S=3,pad_h=1,pad_w=1
batch_norm_conv2d|v4_tensor_core_3xtf32|dx|N=2,H=9,W=7,C=16,K=24,R=3,S=3,pad_h=1,pad_w=1
batch_norm_conv2d|v4_tensor_core_bf16|dw_bf16|N=2,H=9,W=7,C=16,K=24,R=3,S=3,pad_h=1,pad_w=1
RUNGS
}
for tool in memcheck racecheck initcheck synccheck; do
  if ! command -v compute-sanitizer >/dev/null; then
    record "$tool" "refused: no compute-sanitizer here" 0
    continue
  fi
  stage "$tool" 5 bash -c "$(declare -f sanitized); build='$build'; sanitized $tool" && continue
  if grep -q 'ERROR SUMMARY: [1-9]' "$out/$tool.log"; then
    failed=1
  else
    echo "gpu_check: $tool refused the device or ran out of time; the day goes on" >&2
  fi
done
document() { grep -q '^}$' "$out/$1.log" 2>/dev/null && sed -n '/^{$/,/^}$/p' "$out/$1.log" || echo null; }
bench=$(document bench) bench_bf16=$(document bench_bf16) nets=$(document "$raced")

device=$(grep '^ *cuda ' <<<"$doctor" | tr -s ' ')
{
  printf '{\n "schema": "limbic.gpu_check/1",\n "device": "%s",\n "seconds": %d,\n' "${device# }" $((SECONDS - start))
  printf ' "stages": [%s\n ],\n "bench": %s,\n "bench_bf16": %s,\n' "$stages" "$bench" "$bench_bf16"
  printf ' "nets": %s,\n "counters": %s\n}\n' "$nets" "${counters:-[]}"
} >"$out/gpu_check.json"
# header COLUMN...: of a table
header() {
  printf '\n|'
  printf ' %s |' "$@"
  printf '\n|'
  printf ' --- |%.0s' "$@"
  printf '\n'
}
{
  printf '# A visit to a GPU\n\n%s\n\n| stage | status | seconds |\n| --- | --- | --- |\n%s\n' "${device# }" "$rows"
  awk -f tools/gpu_nets.awk <<<"$nets"
  if grep -q '"kernel"' <<<"$counters"; then
    header op pass rung kernel 'sectors a read' emulator 'sectors a write' emulator 'bank conflicts' emulator
    awk '/^ *"[a-z_]+": / && !/"shape"|_requests"|_sectors"/ {
           gsub(/^[^:]*: "?|"?,?$/, ""); row = row "| " $0 " "
         }
         /^ *}/ { print row "|"; row = "" }' <<<"$counters"
  fi
  if grep -q '"rung"' <<<"$bench_bf16$bench"; then
    header op pass shape rung ms peer 'peer ms' ratio 'of roof'
    awk '/^ *"[a-z_]+": / {  # one key a line, an object a row
           key = $1; gsub(/[":]/, "", key)
           value = $0; sub(/^[^:]*: /, "", value); gsub(/[",|\\]/, "", value)
           is[key] = value
         }
         function shown(key, how) { return key in is ? sprintf(how, is[key]) : "" }
         /^ *},?$/ && "rung" in is {
           share = is["ms"] > 0 && "limit_ms" in is ? sprintf("%.0f %%", 100 * is["limit_ms"] / is["ms"]) : ""
           ms = "failed" in is ? "failed: " is["failed"] : shown("ms", "%.4f")
           printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", is["op"], is["pass"], is["shape"], is["rung"], ms,
                  is["peer"], shown("peer_ms", "%.4f"), shown("ratio", "%.2f"), share
           delete is
         }' <<<"$bench_bf16"$'\n'"$bench"
  fi
} >"$out/gpu_check.md"
echo "gpu_check: $out/gpu_check.json, $out/gpu_check.md" >&2
[ $failed = 0 ] || exit 7
