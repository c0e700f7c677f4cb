// SPDX-License-Identifier: Apache-2.0
// A recipe: everything that decides what a training run computes, read from TOML. An unknown key is an error.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nets/augment.h"

namespace limbic {

struct Recipe {
  std::string title;
  int64_t seed = 1;

  struct {
    std::string name = "voice";
    std::vector<int64_t> kernel;          ///< system 2's 2-D net: {3, 3} or {3, 5}
    std::vector<int64_t> widths;          ///< channels of the convolutions; system 2: {32} stands for 32, 64, 64
    std::optional<double> dropout;        ///< around the dense layers; unset, or set below 0: the net's own
    std::optional<double> block_dropout;  ///< after convolution blocks
  } net;

  struct {
    std::string front_end = "panns-16k";
    double offset_s = 0;   ///< where a clip's window begins ...
    double length_s = 0;   ///< ... and how long it is, padded with silence on both sides; 0: the whole clip
    double crop_s = 0;     ///< training takes a random stretch of this length from it; 0: all
    std::string embedder;  ///< front_end "embeddings": the face net whose embeddings of a clip's frames are the map
    std::string scaler = "none";  ///< "columns": a mean and deviation per time column, fitted on the training clips
  } input;

  struct {
    std::vector<std::string> labels;  ///< the classes and their order; none: all of the data
    std::vector<std::string>
        merge;  ///< "negative = angry, disgust": labels that become one, before `labels` are looked for
    std::vector<std::string> copies;  ///< changed copies of every training clip: noise, pitch, stretch, shift
  } data;

  /// Groups (speakers), as "1-16, 22". Choices are made on `validation`; `test` is read once, at the end.
  struct {
    std::string train, validation, test;
  } split;

  struct {
    int64_t epochs = 1, batch = 32;
    /// A batch's gradients are computed over micro-batches of so many clips and summed in a fixed order, and a batch
    /// norm takes its statistics from each of them (its running ones move once a micro-batch); 0: over the whole batch.
    int64_t micro_batch = 0;
    std::string optimizer = "adam";  ///< adam, amsgrad, adamw, sgd
    std::string precision = "f32";   ///< f32, bf16: how maps and their gradients are stored, on a GPU (engine/tensor.h)
    double lr = 1e-3, weight_decay = 0, momentum = 0.9 /* sgd */;
    std::string schedule = "constant";  ///< constant, cosine, step
    double warmup_epochs = 0, lr_floor = 0;
    double step_epochs = 30, step_factor = 0.1;
    double clip_norm = 0;  ///< 0: no clipping
    double label_smoothing = 0;
    std::string class_weights = "none";  ///< "balanced": each class weighs the same
    std::string keep = "last";           ///< which epoch's weights: last, best-loss, best-accuracy (on validation)
    bool watch_test = false;             ///< score the test clips after every epoch too, as some results were published
    int64_t patience = 0;                ///< stop after so many epochs without a better one; 0: never
    std::string from;                    ///< weights to start from
    std::vector<std::string> freeze;     ///< parameters that stay as they are: "conv_block*"
  } train;

  /// Penalty lambda * sum(w^2) on the weights and biases of `layers`, as Keras counts it (no 1/2).
  struct {
    double kernel = 0, bias = 0;
    std::vector<std::string> layers;
  } l2;

  /// Done anew for every batch, on the log-mel map or the picture.
  struct {
    int64_t time_stripes = 0, time_width = 64;  ///< SpecAugment: widths 0 ... time_width - 1 frames
    int64_t mel_stripes = 0, mel_width = 8;
    double gain_db = 0;      ///< louder or softer by up to this
    int64_t mel_shift = 0;   ///< all bins up or down by up to this
    double stretch = 0;      ///< faster or slower by up to this share
    double flip = 0;         ///< pictures: how often left and right change places, 0 to 1
    Jitter jitter;           ///< pictures: keys move, turn and zoom, limits of nets/augment.h
    double cutout = 0;       ///< pictures: a rectangle of up to this share of each edge is erased
    double mixup = 0;        ///< alpha of Beta(alpha, alpha); 1 is uniform; 0: none
    double mixup_share = 1;  ///< of the batches
  } augment;

  struct {
    std::vector<std::string> folds;  ///< test groups of each fold; none: system 1's five folds of RAVDESS
    int64_t drawn = 0;      ///< in their place: so many folds drawn from all groups with `seed`, label by label
    double validation = 0;  ///< of drawn folds: this share of the clips to train on is held out, to choose an epoch on
  } cv;

  struct {
    std::string data, licence;  ///< what the model card of the weights says
  } card;

  /// Keys (sorted) and the values to try, in the order written; all combinations are run.
  std::vector<std::pair<std::string, std::vector<std::string>>> grid;
};

/// Reads a recipe; `sets` are "key=value" from the command line and win. Throws Error(ExitCode::usage): file and line,
/// what was found and what was expected; an unknown key names the nearest known one.
Recipe read_recipe(const std::string& path, const std::vector<std::string>& sets = {});
Recipe parse_recipe(const std::string& toml, const std::string& name, const std::vector<std::string>& sets = {});

/// Sets one key from TOML text (a bare word is a string). Throws Error(ExitCode::usage).
void set_recipe_key(Recipe& recipe, const std::string& key, const std::string& value);

/// Which of `known` takes the fewest edits from `word`: what somebody who mistyped it may have meant.
std::string nearest_name(const std::string& word, const std::vector<std::string>& known);

/// Every key that is set, with its value, defaults too: parsing it gives the same recipe.
std::string recipe_text(const Recipe& recipe);

}  // namespace limbic
