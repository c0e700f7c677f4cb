#!/usr/bin/env bash
# System 1's classical heads on action units averaged over each clip, five folds by actor: one table of Markdown rows.
# action_units.sh CSV [limbic]
set -euo pipefail
csv=$1 limbic=${2:-limbic}
answers=$(mktemp -d)
trap 'rm -r "$answers"' EXIT

row() {  # name, then options of limbic fuse
  local name=$1
  shift
  "$limbic" fuse --train "$csv" --folds fold "$@" -o "$answers/$name.csv" --force |
    awk -v name="$name" '/^fold/ {folds = folds " " $3}
      /^mean/ {mean = $5; half = substr($7, 3)}
      /^accuracy/ {top3 = $0; sub(/.*top-3 /, "", top3); sub(/ %.*/, "", top3); uar = $0; sub(/.*UAR /, "", uar); sub(/ %.*/, "", uar)}
      END {printf "| %s | %s ± %s | %s | %s |%s |\n", name, mean, half, top3, uar, folds}'
}

echo "| head | accuracy % | top-3 % | UAR % | folds 0 to 4 |"
echo "| --- | --- | --- | --- | --- |"
for scale in none minmax standard; do
  row "LR C 1, $scale" --method logistic --scale "$scale"
  for C in 1 10 100; do row "SVC C $C, $scale" --method svc --C "$C" --scale "$scale"; done
  for k in 10 20 30 40; do row "kNN $k, $scale" --method knn --neighbours "$k" --scale "$scale"; done
  for hidden in 80 80,80; do row "MLP $hidden, $scale" --method mlp --hidden "$hidden" --scale "$scale"; done
done
