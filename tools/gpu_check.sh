#!/usr/bin/env bash
# One visit to a GPU, in under nine minutes:  tools/gpu_check.sh [OUT]
# Builds the kernels for the GPU that is here, compares what each wrapper of kernels/ptx.h gives with the emulator's words
# (tests/gpu/ptx*.golden), runs every kernel test (each rung thrice: the same bits), asks the four tools of
# compute-sanitizer, sets ncu's counters of ten kernels beside the emulator's, races every rung with cuDNN and cuBLAS, of
# maps in bf16 first, and whole CNN-14 with PyTorch where $LIMBIC_PYTHON (default: python3) has one with CUDA. Writes
# OUT/gpu_check.json and OUT/gpu_check.md (default: build/gpu_check). Needs CUDA, CMake and a C++ compiler, and five
# libraries' headers: where they are not installed, those that `tools/gpu_check.sh --pack` left in build/gpu_headers on a
# machine that has them.
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
start=$SECONDS limit=530
stages="" rows="" failed=0

# stage NAME SECONDS COMMAND...: runs it no longer than that or than what is left; its output goes to OUT/NAME.log.
stage() {
  local name=$1 most=$2 begin=$SECONDS left=$((limit - (SECONDS - start))) status code=0
  shift 2
  [ "$most" -lt "$left" ] || most=$left
  if [ "$most" -lt 1 ]; then
    status="left out: no time" code=125
  else
    timeout "$most" "$@" >"$out/$name.log" 2>&1 || code=$?
    case $code in
      0) status=ok ;;
      124) status="stopped after $most s" ;;
      *) status="failed: exit $code" ;;
    esac
  fi
  record "$name" "$status" $((SECONDS - begin))
  return $code
}
record() {
  echo "gpu_check: $1: $2 ($3 s)" >&2
  stages+="${stages:+,}"$'\n  '"{\"name\": \"$1\", \"status\": \"$2\", \"seconds\": $3}"
  rows+="| $1 | $2 | $3 |"$'\n'
}

if ! { stage configure 60 cmake -S . -B "$build" "${options[@]}" &&
  stage build 300 cmake --build "$build" --target limbic test_gpu test_engine --parallel "$(nproc)"; }; then
  tail -n 30 "$out"/{configure,build}.log >&2
  exit 1
fi
if cmake --build "$build" --target help | grep -q 'limbic_vendor\b'; then
  stage yardsticks 120 cmake --build "$build" --target limbic_vendor --parallel "$(nproc)" || failed=1
fi
doctor=$("$build/limbic" doctor)
if ! grep -q '^ *cuda *ok' <<<"$doctor"; then
  grep '^ *cuda ' <<<"$doctor" >&2
  exit 6
fi

export LIMBIC_TEST_DEVICE=cuda
stage ptx 30 "$build/tests/test_gpu" "ptx:*" || failed=1
for words in "$build"/ptx*.cuda; do [ ! -f "$words" ] || cp "$words" "$out/"; done
stage tests 120 "$build/tests/test_gpu" || failed=1
stage graphs 30 "$build/tests/test_engine" "step graph:*" || failed=1

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
RUNGS
}
for tool in memcheck racecheck initcheck synccheck; do
  if ! command -v compute-sanitizer >/dev/null; then
    record "$tool" "refused: no compute-sanitizer here" 0
    continue
  fi
  stage "$tool" 45 bash -c "$(declare -f sanitized); build='$build'; sanitized $tool" && continue
  if grep -q 'ERROR SUMMARY: [1-9]' "$out/$tool.log"; then
    failed=1
  else
    echo "gpu_check: $tool refused the device or ran out of time; the day goes on" >&2
  fi
done
stage counters 60 tools/gpu_counters.sh "$build/limbic" ||
  echo "gpu_check: $(grep '^gpu_counters: ' "$out/counters.log" | tail -n 1); the day goes on" >&2
counters=$(grep -sv '^gpu_counters: ' "$out/counters.log" | sed -n '/^\[$/,/^\]$/p')
stage bench_bf16 90 "$build/limbic" bench kernels --storage bf16 --json --quiet || failed=1
stage bench 150 "$build/limbic" bench kernels --storage f32 --json --quiet || failed=1

# Whole CNN-14, in turns with PyTorch (eager, and compiled with channels_last and AMP); alone where there is none.
race_nets() {
  local name=$1
  shift
  stage "$name" 150 "$build/limbic" bench net --only cnn14_infer --only cnn14_train --device cuda --json --quiet "$@" && raced=$name
}
python=${LIMBIC_PYTHON:-python3} raced=""
if why=$(timeout 60 "$python" -c 'import torch; torch.cuda.is_available() or exit("its torch finds no GPU")' 2>&1); then
  race_nets pytorch --python "$python"
else
  record pytorch "left out, no PyTorch with CUDA: $(printf %s "${why##*$'\n'}" | tr -cd ' -~' | tr -d '"\\|' | cut -c 1-80)" 0
fi
[ -n "$raced" ] || race_nets alone --alone || failed=1
document() { grep -q '^}$' "$out/$1.log" 2>/dev/null && sed -n '/^{$/,/^}$/p' "$out/$1.log" || echo null; }
bench=$(document bench) bench_bf16=$(document bench_bf16) nets=$(document "$raced")

device=$(grep '^ *cuda ' <<<"$doctor" | tr -s ' ')
printf '{\n "schema": "limbic.gpu_check/1",\n "device": "%s",\n "seconds": %d,\n "stages": [%s\n ],\n "bench": %s,\n "bench_bf16": %s,\n "nets": %s,\n "counters": %s\n}\n' \
  "${device# }" $((SECONDS - start)) "$stages" "$bench" "$bench_bf16" "$nets" "${counters:-[]}" >"$out/gpu_check.json"
{
  printf '# A visit to a GPU\n\n%s\n\n| stage | status | seconds |\n| --- | --- | --- |\n%s\n' "${device# }" "$rows"
  awk -f tools/gpu_nets.awk <<<"$nets"
  printf '\n| op | pass | rung | kernel | sectors a read | emulator | sectors a write | emulator | bank conflicts | emulator |\n'
  printf '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n'
  awk '/^ *"[a-z_]+": / { value = $0; gsub(/^[^:]*: "?|"?,?$/, "", value); if (!/"shape"/) row = row "| " value " " }
       /^ *}/ { print row "|"; row = "" }' <<<"$counters"
  printf '\n| op | pass | shape | rung | ms | peer | peer ms | ratio | of roof |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n'
  awk '/^ *"[a-z_]+": / {  # one key a line, an object a row
         key = $1; gsub(/[":]/, "", key); value = $0; sub(/^[^:]*: /, "", value); gsub(/[",]/, "", value); is[key] = value
       }
       /^ *},?$/ && "rung" in is {
         printf "| %s | %s | %s | %s | %.4f | %s | %s | %s | %.0f %% |\n", is["op"], is["pass"], is["shape"], is["rung"],
                is["ms"], is["peer"], is["peer_ms"] == "" ? "" : sprintf("%.4f", is["peer_ms"]),
                is["ratio"] == "" ? "" : sprintf("%.2f", is["ratio"]), 100 * is["limit_ms"] / is["ms"]
         delete is
       }' <<<"$bench_bf16"$'\n'"$bench"
} >"$out/gpu_check.md"
echo "gpu_check: $out/gpu_check.json, $out/gpu_check.md" >&2
[ $failed = 0 ] || exit 7
