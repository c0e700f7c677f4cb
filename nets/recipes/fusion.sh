#!/usr/bin/env bash
# Voice and face over all of RAVDESS, five folds by actor. In fold i the voice net and the perceptron on action units are
# trained on the same three fifths of the actors; the regression that fuses them learns from their posteriors on the next
# fold's actors, which neither was trained on; all are tested on fold i. Beside it stands the published way: the regression
# learns from posteriors on the very clips that both were trained on.
# fusion.sh RUN AU_CSV OUT [limbic], where RUN is what `limbic cv nets/recipes/voice_folds.toml --hold-out --out RUN` left
set -euo pipefail
run=$1 units=$2 out=$3 limbic=${4:-limbic}
mkdir -p "$out"

fuse() { "$limbic" fuse --quiet --force "$@" > /dev/null; }
groups() { sed -n "/^\[split\]/,/^\[train\]/s/^$2 = [\"']\(.*\)[\"']/\1/p" "$run/fold-$1/recipe.toml"; }
# Answers without their column pred (spelt in numbers it would pass for a feature), and with their fold.
scores() { awk -F, -v OFS=, -v fold="$2" '{$3 = NR == 1 ? "fold" : fold; print}' "$out/$1_$2.csv"; }

for i in 0 1 2 3 4; do
  train=$(groups $i train) validation=$(groups $i validation) test=$(groups $i test)
  voice=$run/fold-$i/posteriors face=$out/face
  for side in train validation test; do
    fuse --train "$units" --train-groups "$train" --test "$units" --test-groups "${!side}" --method mlp --scale minmax -o "${face}_$i.csv"
    scores face $i > "${face}_${side}_$i.csv"
  done
  fuse --train "${voice}_validation.csv" "${face}_validation_$i.csv" --test "${voice}_test.csv" "${face}_test_$i.csv" -o "$out/fused_$i.csv"
  fuse --train "${voice}_train.csv" "${face}_train_$i.csv" --test "${voice}_test.csv" "${face}_test_$i.csv" -o "$out/in_sample_$i.csv"
done
cp "$run/posteriors.csv" "$out/voice.csv"
for kind in face fused in_sample; do
  for i in 0 1 2 3 4; do scores $kind $i | tail -n "+$((i ? 2 : 1))"; done > "$out/$kind.csv"
done
for kind in voice face fused in_sample; do
  echo "== $kind"
  # One stream's mean is itself: this only scores it.
  "$limbic" fuse --quiet --force --train "$out/$kind.csv" --folds fold --method mean --reliability "$out/$kind.svg"
done
