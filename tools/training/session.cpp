// SPDX-License-Identifier: Apache-2.0
#include "tools/training/session.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>

#include "engine/optim.h"
#include "engine/random.h"
#include "io/checkpoint.h"
#include "io/files.h"
#include "io/hdf5.h"
#include "nets/picture_input.h"
#include "tools/training/batches.h"
#include "tools/training/interrupt.h"
#include "tools/training/pictures.h"
#include "tools/training/posteriors.h"
#include "tools/training/progress.h"
#include "tools/training/run_folder.h"
#include "tools/training/split.h"
#include "tools/training/step.h"

namespace limbic {
namespace fs = std::filesystem;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// How many of `examples` are, bit for bit, among those trained on too.
int64_t repeated(const std::vector<Example>& train, const std::vector<Example>& examples) {
  std::set<std::string> known;
  for (const auto& example : train) known.insert(example.sound);
  return std::count_if(examples.begin(), examples.end(),
                       [&](const Example& example) { return known.count(example.sound) > 0; });
}

SplitSide heard(const std::string& name, const std::vector<Example>& examples) {
  SplitSide side{name, {}, {}, {}};
  for (const auto& example : examples) {
    side.clips.push_back(example.clip);
    side.groups.push_back(example.group);
    side.sounds.push_back(example.sound);
  }
  return side;
}

std::unique_ptr<Optimizer> make_optimizer(const Recipe& recipe, const std::vector<NamedTensor>& parameters) {
  const auto& t = recipe.train;
  if (t.optimizer == "sgd") {
    return std::make_unique<Sgd>(parameters, SgdOptions{.lr = static_cast<float>(t.lr),
                                                        .momentum = static_cast<float>(t.momentum),
                                                        .weight_decay = static_cast<float>(t.weight_decay)});
  }
  return std::make_unique<Adam>(parameters, AdamOptions{.lr = static_cast<float>(t.lr),
                                                        .weight_decay = static_cast<float>(t.weight_decay),
                                                        .decoupled = t.optimizer == "adamw",
                                                        .amsgrad = t.optimizer == "amsgrad"});
}

NetOptions net_options(const Recipe& recipe, size_t classes) {
  NetOptions options;
  options.classes = static_cast<int>(classes);
  options.widths.assign(recipe.net.widths.begin(), recipe.net.widths.end());
  if (!recipe.input.embedder.empty()) options.features = embedding_size(recipe.input.embedder);
  if (recipe.net.kernel.size() == 2)
    options.kernel = {static_cast<int>(recipe.net.kernel[0]), static_cast<int>(recipe.net.kernel[1])};
  return options;
}

Tensor balanced_weights(const std::vector<Example>& examples, size_t classes) {
  std::vector<float> weights(classes, 0.0f);
  for (const auto& example : examples) weights[example.label] += 1;
  for (float& w : weights) w = w > 0 ? static_cast<float>(examples.size()) / (static_cast<float>(classes) * w) : 0;
  return Tensor::from({static_cast<int64_t>(classes)}, weights);
}

void keep_tensors(Checkpoint& checkpoint, const std::string& prefix, const std::vector<NamedTensor>& tensors) {
  for (const auto& t : tensors) checkpoint.tensors[prefix + t.name] = {t.tensor->shape(), t.tensor->to_vector()};
}

void restore_tensors(const Checkpoint& checkpoint, const std::string& prefix, const std::vector<NamedTensor>& tensors,
                     const std::string& path) {
  for (const auto& t : tensors) {
    const auto found = checkpoint.tensors.find(prefix + t.name);
    if (found == checkpoint.tensors.end() || found->second.shape != t.tensor->shape()) {
      throw Error(ExitCode::failure,
                  fmt::format("{}: has no {}{} of shape {}", path, prefix, t.name, shape_text(t.tensor->shape())));
    }
    const auto& values = found->second.values;
    if (t.tensor->dtype() == DType::i32) {
      check_counts({prefix + t.name, found->second.shape, values}, path);
      std::transform(values.begin(), values.end(), t.tensor->ints(), [](float v) { return static_cast<int32_t>(v); });
    } else {
      std::copy(values.begin(), values.end(), t.tensor->data());
    }
  }
}

// Layers and parameters of a net that a recipe may mean: "conv_block1", "conv_block1.conv1",
// "conv_block1.conv1.weight".
std::vector<std::string> names_in(const std::vector<NamedTensor>& parameters) {
  std::vector<std::string> names;
  for (const auto& p : parameters) {
    for (size_t dot = p.name.find('.'); dot != std::string::npos; dot = p.name.find('.', dot + 1))
      names.push_back(p.name.substr(0, dot));
    names.push_back(p.name);
  }
  return names;
}

std::string checkpoint_name(const char* extension) { return std::string("/checkpoint") + extension; }

struct EpochRow {
  double lr = 0, train_loss = 0, train_accuracy = 0, validation_loss = nan, validation_accuracy = nan,
         validation_uar = nan, test_accuracy = nan;
};

class Run {
 public:
  Run(const Recipe& recipe, const Dataset& data, std::string out, const RunOptions& options);
  RunResult go();

 private:
  void make_model();
  void fit_to_data();
  void note_origin(const std::string& line);
  bool resume();
  void checkpoint();
  bool epoch(const Interrupt& interrupt);  // false: stopped half way
  void step(int64_t batch);
  void close_epoch();
  void log();
  RunResult finish();
  ModelCard card(const std::optional<Scores>& test) const;
  std::string weights_path() const { return out_ + "/weights" + tensor_file_extension(); }
  std::string title() const { return recipe_.title.empty() ? recipe_.net.name : recipe_.title; }
  std::string write_posteriors(const char* side, const std::vector<Example>& examples);
  double better(const Scores& scores) const {
    return recipe_.train.keep == "best-accuracy" ? scores.accuracy() : -scores.loss;
  }

  Recipe recipe_;
  std::string out_;
  RunOptions options_;
  ProgressLine progress_;
  Split split_;
  std::vector<Example> train_, validation_;
  std::vector<Example> test_;  // where train.watch_test wants them
  size_t train_clips_ = 0, validation_clips_ = 0, test_clips_ = 0;
  std::string identity_;
  std::unique_ptr<Classifier> model_;
  std::string origin_;                // lines about what it started from: repeated pictures, weights
  std::vector<NamedTensor> trained_;  // parameters that are not frozen
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<TrainingStep> step_;
  Schedule schedule_;
  int64_t crop_frames_ = 0, batches_ = 0;

  // Where the run is; all of it goes into the checkpoint.
  int64_t epoch_ = 0, batch_ = 0;
  double loss_sum_ = 0;
  int64_t correct_ = 0, seen_ = 0;
  std::vector<EpochRow> rows_;
  int64_t best_epoch_ = -1;
  double best_ = -std::numeric_limits<double>::infinity();
  Checkpoint best_weights_;

  int64_t steps_now_ = 0;
  std::chrono::steady_clock::time_point began_, saved_;
  std::chrono::steady_clock::duration saving_{};  // what the last checkpoint took
  bool unsaved_ = false;                          // an epoch ended after it
};

Run::Run(const Recipe& recipe, const Dataset& data, std::string out, const RunOptions& options)
    : recipe_(recipe), out_(std::move(out)), options_(options), progress_(options.quiet) {
  recipe_.grid.clear();
  check_folder(out_);
  split_ = split_dataset(recipe_, data);
  const Progress reading = [this](const std::string& what, int64_t done, int64_t total) {
    progress_.show(fmt::format("{} {}/{}", what, done, total));
  };
  set_map_storage(recipe_.train.precision == "bf16" ? DType::bf16 : DType::f32);
  make_model();  // before anything is decoded: weights that do not fit are told at once
  train_ = load_examples(split_.train, *model_, recipe_.data.copies, reading);
  validation_ = load_examples(split_.validation, *model_, {}, reading);
  // The test clips are heard to make sure that none of them is trained on.
  auto test = load_examples(split_.test, *model_, {}, reading);
  if (find_picture_input(recipe_.input.front_end)) {  // published sets of pictures repeat some: said, not refused
    const std::pair<const char*, const std::vector<Example>*> sides[] = {{"validation", &validation_}, {"test", &test}};
    for (const auto& [name, side] : sides) {
      const int64_t again = repeated(train_, *side);
      if (again)
        note_origin(fmt::format("{} of the {} {} pictures are among those trained on too", again, side->size(), name));
    }
  } else {
    check_split({heard("train", train_), heard("validation", validation_), heard("test", test)});
  }
  train_clips_ = train_.size() / (1 + recipe_.data.copies.size());
  validation_clips_ = validation_.size();
  test_clips_ = test.size();
  identity_ = data_identity({&train_, &validation_, &test});
  if (recipe_.train.watch_test && options_.read_test) test_ = std::move(test);

  batches_ = (static_cast<int64_t>(train_.size()) + recipe_.train.batch - 1) / recipe_.train.batch;
  if (recipe_.input.crop_s > 0) {
    const FrontEnd& front_end = *find_front_end(recipe_.input.front_end);
    crop_frames_ = std::max<int64_t>(1, std::llround(recipe_.input.crop_s * front_end.sample_rate / front_end.hop));
  }
  fit_to_data();
  {  // a crop or a picture that the net cannot take, too
    const NoGrad no_grad;
    model_->net().eval();
    model_->logits(
        make_batch(recipe_, {&train_.front()}, static_cast<int>(split_.labels.size()), crop_frames_, 0).maps);
  }
  claim_folder(out_, recipe_text(recipe_), identity_);  // last: what is refused leaves no folder behind
}

void Run::note_origin(const std::string& line) {
  progress_.note(line);
  origin_ += line + "\n";
}

void Run::make_model() {
  set_random_step(static_cast<uint64_t>(recipe_.seed), 0);
  auto net = make_net(recipe_.net.name, net_options(recipe_, split_.labels.size()));
  if (recipe_.net.dropout) net->head_dropout = static_cast<float>(*recipe_.net.dropout);
  if (recipe_.net.block_dropout) net->block_dropout = static_cast<float>(*recipe_.net.block_dropout);
  model_ = std::make_unique<Classifier>(
      std::move(net), split_.labels,
      ClipInput{recipe_.input.front_end, recipe_.input.offset_s, recipe_.input.length_s, recipe_.input.embedder}, out_);
  if (const std::string why = model_->window_misfit(); !why.empty()) {
    throw Error(ExitCode::usage, fmt::format("recipe: input.length_s is {}: {}", recipe_.input.length_s, why));
  }
  if (!recipe_.train.from.empty()) {
    for (const auto& note : model_->start_from(recipe_.train.from)) note_origin(note);
  }
  const auto parameters = model_->net().parameters();
  trained_ = parameters;
  const auto wants = [&](const char* key, const std::string& name, const auto& meant) {
    if (std::any_of(parameters.begin(), parameters.end(), meant)) return;
    throw Error(ExitCode::usage, fmt::format("recipe: {}: \"{}\" matches no parameter of {}; did you mean {}?", key,
                                             name, recipe_.net.name, nearest_name(name, names_in(parameters))));
  };
  for (const auto& layer : recipe_.l2.layers) {
    wants("l2.layers", layer, [&](const NamedTensor& p) { return layer_of(p) == layer; });
  }
  for (const auto& pattern : recipe_.train.freeze) {
    const auto frozen = [&](const NamedTensor& p) { return fnmatch(pattern.c_str(), p.name.c_str(), 0) == 0; };
    wants("train.freeze", pattern, frozen);
    for (const auto& p : parameters) {
      if (frozen(p)) p.tensor->set_requires_grad(false);
    }
    std::erase_if(trained_, frozen);
  }
  if (trained_.empty()) throw Error(ExitCode::usage, "train.freeze: holds every parameter; nothing is left to train");
}

void Run::fit_to_data() {
  if (recipe_.input.scaler == "columns") {
    std::vector<Tensor> maps;  // the originals, not their copies
    for (size_t i = 0; i < train_.size(); i += 1 + recipe_.data.copies.size()) maps.push_back(train_[i].map);
    model_->fit_column_scaler(maps);
  }
  optimizer_ = make_optimizer(recipe_, trained_);
  const auto steps = [&](double epochs) {
    return static_cast<int64_t>(std::llround(epochs * static_cast<double>(batches_)));
  };
  schedule_ = {.kind = schedule_kind(recipe_.train.schedule),
               .base = static_cast<float>(recipe_.train.lr),
               .total = recipe_.train.epochs * batches_,
               .warmup = steps(recipe_.train.warmup_epochs),
               .floor = static_cast<float>(recipe_.train.lr_floor),
               .every = std::max<int64_t>(1, steps(recipe_.train.step_epochs)),
               .factor = static_cast<float>(recipe_.train.step_factor)};
  Tensor class_weights;
  if (recipe_.train.class_weights == "balanced") class_weights = balanced_weights(train_, split_.labels.size());
  step_.emplace(recipe_, *model_, trained_, *optimizer_, class_weights, options_.in_graph,
                [this](const std::string& line) { progress_.note(out_ + ": " + line); });
}

void Run::checkpoint() {
  const auto began = std::chrono::steady_clock::now();
  Checkpoint c;
  keep_tensors(c, "model.", model_->state());
  keep_tensors(c, "optimizer.", optimizer_->state());
  for (const auto& [name, tensor] : best_weights_.tensors) c.tensors["best." + name] = tensor;
  c.set("epoch", epoch_);
  c.set("batch", batch_);
  c.set("loss_sum", loss_sum_);
  c.set("correct", correct_);
  c.set("seen", seen_);
  c.set("best_epoch", best_epoch_);
  if (best_epoch_ >= 0) c.set("best", best_);
  std::string rows;
  for (const auto& r : rows_) {
    rows += fmt::format("{} {} {} {} {} {} {}\n", r.lr, r.train_loss, r.train_accuracy, r.validation_loss,
                        r.validation_accuracy, r.validation_uar, r.test_accuracy);
  }
  c.fields["rows"] = rows.empty() ? "\n" : rows;
  write_checkpoint(out_ + checkpoint_name(tensor_file_extension()), c);
  saved_ = std::chrono::steady_clock::now();
  saving_ = saved_ - began;
  unsaved_ = false;
}

bool Run::resume() {
  remove_unfinished(out_);
  const std::string folder = options_.trained_in.empty() ? out_ : options_.trained_in;
  const std::string path = folder + checkpoint_name(tensor_file_extension());
  std::vector<std::string> notes;
  const auto found = newest_checkpoint(path, notes);
  for (const auto& note : notes) progress_.note(note);
  if (!found) {
    for (const char* extension : {".h5", ".safetensors"}) {
      if (const std::string other = folder + checkpoint_name(extension); fs::exists(other) || fs::exists(other + ".previous"))
        throw Error(ExitCode::usage, fmt::format("{}: found a checkpoint of a build {} HDF5, expected {}; go on with "
                                                 "that build, or give another --out",
                                                 other, other.ends_with(".h5") ? "with" : "without", path));
    }
    return false;
  }
  const Checkpoint& c = *found;
  restore_tensors(c, "model.", model_->state(), path);
  restore_tensors(c, "optimizer.", optimizer_->state(), path);
  for (const auto& [name, tensor] : c.tensors) {
    if (name.starts_with("best.")) best_weights_.tensors[name.substr(5)] = tensor;
  }
  epoch_ = c.integer("epoch");
  batch_ = c.integer("batch");
  loss_sum_ = c.number("loss_sum");
  correct_ = c.integer("correct");
  seen_ = c.integer("seen");
  best_epoch_ = c.integer("best_epoch");
  if (best_epoch_ >= 0) best_ = c.number("best");
  std::istringstream rows(c.fields.at("rows"));
  for (std::string line; std::getline(rows, line);) {
    EpochRow r;
    std::istringstream words(line);  // strtod reads "nan", which streams do not
    double* to[] = {&r.lr,
                    &r.train_loss,
                    &r.train_accuracy,
                    &r.validation_loss,
                    &r.validation_accuracy,
                    &r.validation_uar,
                    &r.test_accuracy};
    std::string word;
    for (double* value : to) {
      if (words >> word) *value = std::strtod(word.c_str(), nullptr);
    }
    if (!word.empty()) rows_.push_back(r);
  }
  if (!options_.trained_in.empty()) checkpoint();
  progress_.note(fmt::format("{}: goes on at epoch {}, batch {}", out_, epoch_ + 1, batch_ + 1));
  return true;
}

void Run::step(int64_t b) {
  const int64_t count = epoch_ * batches_ + b;  // steps before this one
  const auto order = epoch_order(static_cast<int64_t>(train_.size()), static_cast<uint64_t>(recipe_.seed), epoch_);
  std::vector<const Example*> chosen;
  const int64_t end = std::min<int64_t>((b + 1) * recipe_.train.batch, static_cast<int64_t>(order.size()));
  for (int64_t i = b * recipe_.train.batch; i < end; ++i) chosen.push_back(&train_[order[i]]);
  const Batch batch = make_batch(recipe_, chosen, static_cast<int>(split_.labels.size()), crop_frames_, count);
  optimizer_->lr = schedule_.at(count);
  const auto [loss, correct] = step_->run(batch, count);
  if (!std::isfinite(loss)) {
    throw Error(ExitCode::failure, fmt::format("{}: the loss is {} at epoch {}, batch {}; a smaller train.lr may help",
                                               out_, loss, epoch_ + 1, b + 1));
  }
  correct_ += correct;
  loss_sum_ += loss * static_cast<double>(chosen.size());
  seen_ += static_cast<int64_t>(chosen.size());
}

bool Run::epoch(const Interrupt& interrupt) {
  const auto began = std::chrono::steady_clock::now();
  const int64_t first = batch_;
  model_->net().train();
  while (batch_ < batches_) {
    step(batch_++);
    const auto now = std::chrono::steady_clock::now();
    const double per_batch = std::chrono::duration<double>(now - began).count() / static_cast<double>(batch_ - first);
    const double left = per_batch * static_cast<double>((recipe_.train.epochs - epoch_) * batches_ - batch_);
    progress_.show(fmt::format("epoch {}/{} batch {}/{} loss {:.4f} accuracy {:.1f} % {:.1f} clips/s, {:.0f} min left",
                               epoch_ + 1, recipe_.train.epochs, batch_, batches_,
                               loss_sum_ / static_cast<double>(seen_),
                               100.0 * static_cast<double>(correct_) / static_cast<double>(seen_),
                               static_cast<double>(recipe_.train.batch) / per_batch, left / 60));
    if (options_.stop_after_steps > 0 && ++steps_now_ >= options_.stop_after_steps) return false;
    if (interrupt.signal()) return false;
    if (batch_ < batches_ && std::chrono::duration<double>(now - saved_).count() > options_.checkpoint_s) checkpoint();
  }
  return true;
}

void Run::close_epoch() {
  EpochRow row{schedule_.at((epoch_ + 1) * batches_ - 1), loss_sum_ / static_cast<double>(seen_),
               static_cast<double>(correct_) / static_cast<double>(seen_)};
  if (!validation_.empty()) {
    const Scores scores = evaluate(*model_, validation_);
    row.validation_loss = scores.loss;
    row.validation_accuracy = scores.accuracy();
    row.validation_uar = scores.confusion.unweighted_recall();
    if (recipe_.train.keep != "last" && better(scores) > best_) {
      best_ = better(scores);
      best_epoch_ = epoch_;
      best_weights_ = {};
      keep_tensors(best_weights_, "", model_->state());
    }
  }
  if (!test_.empty()) row.test_accuracy = evaluate(*model_, test_).accuracy();
  rows_.push_back(row);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  progress_.note(fmt::format("epoch {}/{} train loss {:.4f} accuracy {:.2f} %{}{} ({:.0f} s in all)", epoch_ + 1,
                             recipe_.train.epochs, row.train_loss, 100 * row.train_accuracy,
                             validation_.empty() ? ""
                                                 : fmt::format(", validation loss {:.4f} accuracy {:.2f} %",
                                                               row.validation_loss, 100 * row.validation_accuracy),
                             test_.empty() ? "" : fmt::format(", test accuracy {:.2f} %", 100 * row.test_accuracy),
                             seconds));
  ++epoch_;
  batch_ = correct_ = seen_ = 0;
  loss_sum_ = 0;
  log();
  unsaved_ = true;
  // Saving between epochs takes a twentieth of the time at most: a GPU's epoch may be shorter than the writing of a large net.
  if (std::chrono::steady_clock::now() - saved_ >= 20 * saving_) checkpoint();
}

void Run::log() {
  std::string csv = "epoch,lr,train_loss,train_accuracy,validation_loss,validation_accuracy,validation_uar";
  csv += test_.empty() ? "\n" : ",test_accuracy\n";
  const auto cell = [](double v) { return std::isfinite(v) ? fmt::format("{:.6f}", v) : std::string(); };
  Panel loss{"loss", {{"train", "#3b6fb6", {}}}}, accuracy{"accuracy, %", {{"train", "#3b6fb6", {}}}, 100};
  if (!validation_.empty()) {
    for (Panel* panel : {&loss, &accuracy}) panel->curves.push_back({"validation", "#d7883a", {}});
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    const EpochRow& r = rows_[i];
    csv += fmt::format("{},{:g},{},{},{},{},{}", i + 1, r.lr, cell(r.train_loss), cell(r.train_accuracy),
                       cell(r.validation_loss), cell(r.validation_accuracy), cell(r.validation_uar));
    csv += test_.empty() ? "\n" : "," + cell(r.test_accuracy) + "\n";
    loss.curves[0].values.push_back(r.train_loss);
    accuracy.curves[0].values.push_back(100 * r.train_accuracy);
    if (validation_.empty()) continue;
    loss.curves[1].values.push_back(r.validation_loss);
    accuracy.curves[1].values.push_back(100 * r.validation_accuracy);
  }
  write_file(out_ + "/log.csv", csv, true);
  write_file(out_ + "/curves.svg", curves_svg(title(), {loss, accuracy}), true);
}

ModelCard Run::card(const std::optional<Scores>& test) const {
  ModelCard card;
  card.licence = recipe_.card.licence;
  card.training_data = fmt::format("{}{}; trained on {}", recipe_.card.data, recipe_.card.data.empty() ? "clips" : "",
                                   describe_side(recipe_, recipe_.split.train, train_clips_));
  if (test) {
    card.metrics =
        fmt::format("accuracy {:.4f} ({}/{}), top-3 {:.4f}, UAR {:.4f} on {}, read {}", test->accuracy(),
                    test->confusion.correct(), test->confusion.total(), test->top3, test->confusion.unweighted_recall(),
                    describe_side(recipe_, recipe_.split.test, test_clips_),
                    test_.empty() ? "once after training" : "after every epoch, which chose nothing");
  }
  card.attributes["recipe"] = recipe_text(recipe_);
  card.attributes["data"] = identity_;
  return card;
}

std::string Run::write_posteriors(const char* side, const std::vector<Example>& examples) {
  const std::string lines = posteriors_csv(model_->labels(), examples, posteriors(*model_, examples), options_.fold);
  write_file(fmt::format("{}/posteriors_{}.csv", out_, side), posteriors_header(model_->labels().size()) + lines, true);
  return lines;
}

RunResult Run::finish() {
  RunResult result;
  result.complete = true;
  result.epochs = epoch_;
  result.kept_epoch = recipe_.train.keep == "last" ? epoch_ : best_epoch_ + 1;
  if (recipe_.train.keep != "last") restore_tensors(best_weights_, "", model_->state(), out_);
  model_->save(weights_path(), card({}));  // a test that cannot be read costs no training
  if (!validation_.empty()) result.validation = evaluate(*model_, validation_);

  const std::string chosen_on =
      validation_.empty() ? "nothing: the number of epochs is the recipe's"
                          : "validation " + describe_side(recipe_, recipe_.split.validation, validation_clips_);
  std::string story = origin_ + fmt::format("trained on {}\nkept epoch {} of {} ({}); choices were made on {}\n",
                                            describe_side(recipe_, recipe_.split.train, train_clips_),
                                            result.kept_epoch, result.epochs, recipe_.train.keep, chosen_on);
  if (options_.read_test && !split_.test.empty()) {
    const auto test = load_examples(split_.test, *model_, {}, [](const std::string&, int64_t, int64_t) {});
    result.test = evaluate(*model_, test);
    if (options_.fold >= 0) result.test_posteriors = write_posteriors("test", test);
    if (options_.embeddings) {
      const Matrix e = embeddings(*model_, test);
      result.embedding_size = e.columns;
      result.test_embeddings = embeddings_csv(model_->labels(), test, e, options_.fold);
    }
    if (test_.empty()) {
      story += fmt::format("test {} read once, after the last epoch\n",
                           describe_side(recipe_, recipe_.split.test, test_clips_));
    } else {
      const auto best = std::max_element(rows_.begin(), rows_.end(), [](const EpochRow& a, const EpochRow& b) {
        return a.test_accuracy < b.test_accuracy;
      });
      result.watched = {{"best_epoch", best - rows_.begin() + 1}, {"accuracy", best->test_accuracy}};
      story += fmt::format(
          "test {} scored after every epoch, which chose nothing here; its best was {:.2f} % in epoch {}\n",
          describe_side(recipe_, recipe_.split.test, test_clips_), 100 * best->test_accuracy, best - rows_.begin() + 1);
    }
  } else {
    story += "the test groups were not read\n";
  }
  if (options_.fold >= 0) {
    std::vector<Example> originals;  // without their changed copies
    for (size_t i = 0; i < train_.size(); i += 1 + recipe_.data.copies.size()) originals.push_back(train_[i]);
    write_posteriors("train", originals);
    if (!validation_.empty()) write_posteriors("validation", validation_);
  }
  if (result.test) model_->save(weights_path(), card(result.test));
  log();  // a grid's winner was trained in another folder

  auto& doc = result.document;
  doc = {{"schema", "limbic.train/1"},
         {"title", recipe_.title},
         {"net", recipe_.net.name},
         {"parameters", model_->net().parameter_count()},
         {"seed", recipe_.seed},
         {"precision", recipe_.train.precision},
         {"epochs", result.epochs},
         {"kept_epoch", result.kept_epoch},
         {"train_clips", train_clips_},
         {"train_examples", train_.size()},
         {"choices_made_on", chosen_on},
         {"validation", nullptr},
         {"test", nullptr}};
  if (!result.watched.is_null()) doc["watched"] = result.watched;
  progress_.note(story);
  if (result.validation) {
    doc["validation"] = scores_json(*result.validation);
    story += "\nvalidation: " + scores_text(*result.validation);
    write_file(out_ + "/confusion_validation.svg", confusion_svg("validation: " + title(), *result.validation), true);
  }
  if (result.test) {
    doc["test"] = scores_json(*result.test);
    story += "\ntest: " + scores_text(*result.test);
    write_file(out_ + "/confusion_test.svg", confusion_svg("test: " + title(), *result.test), true);
  }
  write_file(out_ + "/log.txt", story, true);
  write_file(out_ + "/result.json", doc.dump(1) + "\n", true);
  return result;
}

RunResult Run::go() {
  const Interrupt interrupt;
  began_ = saved_ = std::chrono::steady_clock::now();
  if (!resume()) {
    progress_.note(fmt::format("{}: {} parameters, {} examples, {} steps an epoch", recipe_.net.name,
                               model_->net().parameter_count(), train_.size(), batches_));
  }
  const auto patient = [&] {
    return recipe_.train.patience == 0 || best_epoch_ < 0 || epoch_ - 1 - best_epoch_ < recipe_.train.patience;
  };
  while (epoch_ < recipe_.train.epochs && patient()) {
    if (!epoch(interrupt)) {
      checkpoint();
      progress_.note(fmt::format("{}: stopped in epoch {} after batch {}; the same command goes on from there", out_,
                                 epoch_ + 1, batch_));
      RunResult stopped;
      stopped.signal = interrupt.signal();
      stopped.document = {{"schema", "limbic.train/1"}, {"complete", false}, {"epoch", epoch_ + 1}, {"batch", batch_}};
      return stopped;
    }
    close_epoch();
  }
  if (unsaved_) checkpoint();
  RunResult result = finish();
  result.signal = interrupt.signal();  // too late for this run, but a sweep starts no other
  return result;
}

}  // namespace

RunResult train(const Recipe& recipe, const Dataset& data, const std::string& out, const RunOptions& options) {
  return Run(recipe, data, out, options).go();
}

}  // namespace limbic
