// SPDX-License-Identifier: Apache-2.0
// The training verbs, run as a user runs them, on a few tones with three "speakers" that the test writes.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "io/checkpoint.h"
#include "kernels/isa.h"

namespace fs = std::filesystem;

namespace {

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// 16-bit mono PCM.
void write_wav(const fs::path& path, const std::vector<int16_t>& samples, int rate) {
  std::ofstream file(path, std::ios::binary);
  const auto number = [&](uint32_t v, int bytes) { file.write(reinterpret_cast<const char*>(&v), bytes); };
  const auto bytes = static_cast<uint32_t>(2 * samples.size());
  file << "RIFF", number(36 + bytes, 4), file << "WAVEfmt ", number(16, 4), number(1, 2), number(1, 2);
  number(rate, 4), number(2 * rate, 4), number(2, 2), number(16, 2), file << "data", number(bytes, 4);
  file.write(reinterpret_cast<const char*>(samples.data()), bytes);
}

struct Workplace {
  fs::path path = fs::temp_directory_path() / ("limbic_train_" + std::to_string(getpid()));

  Workplace() {
    fs::remove_all(path);
    fs::create_directories(path / "data");
    setenv("XDG_CACHE_HOME", (path / "cache").c_str(), 1);
    std::ofstream manifest(path / "data" / "manifest.csv");
    manifest << "path,label,group\n";
    for (int speaker = 1; speaker <= 3; ++speaker) {
      for (int clip = 0; clip < 6; ++clip) {
        const bool high = clip % 2;
        std::vector<int16_t> tone(16000 + 160 * clip);
        for (size_t i = 0; i < tone.size(); ++i) {
          tone[i] = static_cast<int16_t>(
              6000 * std::sin(static_cast<double>(i) * (high ? 0.6 : 0.15) * (1 + 0.02 * speaker + 0.01 * clip)));
        }
        const std::string name = std::string("s").append(std::to_string(speaker)) + "_" + std::to_string(clip) + ".wav";
        write_wav(path / "data" / name, tone, 16000);
        manifest << name << "," << (high ? "high" : "low") << "," << speaker << "\n";
      }
    }
    write("recipe.toml", recipe());
  }
  ~Workplace() { fs::remove_all(path); }

  static std::string recipe() {
    return "seed = 3\n[net]\nname = \"voice\"\nwidths = [4, 4, 4, 4]\n[input]\nfront_end = \"voice-16k\"\ncrop_s = "
           "0.8\n"
           "[split]\ntrain = \"1\"\nvalidation = \"2\"\ntest = \"3\"\n[train]\nepochs = 6\nbatch = 2\nlr = "
           "0.01\noptimizer = \"amsgrad\"\n"
           "keep = \"best-loss\"\n[augment]\ntime_stripes = 1\ntime_width = 4\nmixup = 1.0\nmixup_share = 0.5\ngain_db "
           "= 3.0\n";
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
  std::string in(const std::string& name) const { return (path / name).string(); }

  // Runs `limbic ARGUMENTS`; returns the exit code, and what it printed in `printed`.
  int limbic(const std::string& arguments) {
    const std::string command =
        std::string(LIMBIC_BUILD_DIR) + "/limbic " + arguments + " > " + in("out.txt") + " 2> " + in("err.txt");
    const int status = std::system(command.c_str());
    printed = read_file(path / "out.txt");
    complaint = read_file(path / "err.txt");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string train(const std::string& out, const std::string& more = "") const {
    return "train " + in("recipe.toml") + " --data " + in("data") + " --out " + in(out) + " " + more;
  }
  std::string printed, complaint;
};

// Starts the command and sends it `signal` as soon as its log has `epochs` lines; returns how it ended.
int run_and_signal(const Workplace& place, const std::string& out, const std::string& arguments, int epochs,
                   int signal) {
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    const std::string command =
        "exec " + std::string(LIMBIC_BUILD_DIR) + "/limbic " + arguments + " --quiet > /dev/null 2>&1";
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  for (int wait = 0; wait < 3000; ++wait) {
    const std::string log = read_file(place.in(out + "/log.csv"));
    if (std::count(log.begin(), log.end(), '\n') > epochs) break;
    usleep(2000);
  }
  kill(child, signal);
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

// Every text of a picture stands on its page (letters of at most 0.65 of their size), and no label is drawn twice in a
// place.
void check_picture(const std::string& svg) {
  const auto number = [](const std::string& tag, const std::string& name, double otherwise) {
    const size_t at = tag.find(" " + name + "=\"");
    return at == std::string::npos ? otherwise : std::strtod(tag.c_str() + at + name.size() + 3, nullptr);
  };
  const double width = number(svg, "width", 0), height = number(svg, "height", 0);
  std::set<std::string> places;
  int texts = 0;
  for (size_t at = svg.find("<text"); at != std::string::npos; at = svg.find("<text", at + 1), ++texts) {
    const size_t open = svg.find('>', at), close = svg.find("</text>", open);
    const std::string tag = svg.substr(at, open - at), words = svg.substr(open + 1, close - open - 1);
    INFO(tag << ">" << words);
    const double x = number(tag, "x", -1), y = number(tag, "y", -1), size = number(tag, "font-size", 12);
    const double length = 0.65 * size * static_cast<double>(words.size());
    CHECK(places.insert(std::to_string(x) + " " + std::to_string(y)).second);
    if (tag.find("rotate") != std::string::npos) {
      CHECK(y - length >= 0);
      continue;
    }
    const double left = tag.find("\"end\"") != std::string::npos      ? x - length
                        : tag.find("\"middle\"") != std::string::npos ? x - length / 2
                                                                      : x;
    CHECK(left >= 0);
    CHECK(left + length <= width);
    CHECK((y >= size && y <= height));
  }
  CHECK(texts > 3);
}

}  // namespace

TEST_CASE("a run that is killed and resumed ends with the bits of one that was not") {
  Workplace place;
  REQUIRE(place.limbic(place.train("whole")) == 0);
  CHECK(place.complaint.find("peak memory ") != std::string::npos);
  const std::string weights = read_file(place.in("whole/weights.h5"));
  REQUIRE(weights.size() > 1000);
  for (const char* file :
       {"recipe.toml", "log.csv", "checkpoint.h5", "curves.svg", "confusion_test.svg", "result.json", "log.txt"}) {
    CHECK(fs::file_size(place.in("whole/" + std::string(file))) > 0);
  }
  CHECK(read_file(place.in("whole/log.txt")).find("validation groups 2 (6 clips)") != std::string::npos);

  SECTION("killed between epochs, at any moment") {
    const int status = run_and_signal(place, "killed", place.train("killed"), 2, SIGKILL);
    REQUIRE(WIFSIGNALED(status));  // it was not through before
    REQUIRE(place.limbic(place.train("killed")) == 0);
    CHECK(read_file(place.in("killed/weights.h5")) == weights);
    CHECK(read_file(place.in("killed/log.csv")) == read_file(place.in("whole/log.csv")));
    CHECK(read_file(place.in("killed/result.json")) == read_file(place.in("whole/result.json")));
  }
  SECTION("stopped by Ctrl-C, which saves the step") {
    const int status = run_and_signal(place, "stopped", place.train("stopped"), 1, SIGINT);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    CHECK(!fs::exists(place.in("stopped/weights.h5")));
    REQUIRE(place.limbic(place.train("stopped")) == 0);
    CHECK(place.complaint.find("goes on at epoch") != std::string::npos);
    CHECK(read_file(place.in("stopped/weights.h5")) == weights);
  }
  SECTION("stopped in the middle of an epoch, at another thread count") {
    REQUIRE(place.limbic(place.train("halves", "--stop-after-steps 7 --threads 1")) == 0);
    CHECK(!fs::exists(place.in("halves/weights.h5")));
    CHECK(place.complaint.find("stopped in epoch 3 after batch 1") != std::string::npos);
    REQUIRE(place.limbic(place.train("halves", "--threads 3")) == 0);
    CHECK(read_file(place.in("halves/weights.h5")) == weights);
  }
  SECTION("a finished run answers again, and eval says the same") {
    REQUIRE(place.limbic(place.train("whole", "--json")) == 0);
    CHECK(read_file(place.in("whole/weights.h5")) == weights);
    const auto correct = place.printed.substr(place.printed.rfind("\"correct\""), 14);
    REQUIRE(place.limbic("eval --json --weights " + place.in("whole/weights.h5") + " --data " + place.in("data") +
                         " --groups 3") == 0);
    CHECK(place.printed.find(correct) != std::string::npos);
  }
  SECTION("another recipe or other data in the folder is refused") {
    CHECK(place.limbic(place.train("whole", "--set train.lr=0.02")) == 2);
    CHECK(place.complaint.find("another recipe") != std::string::npos);
    fs::copy_file(place.in("data/s1_0.wav"), place.in("data/s1_1.wav"), fs::copy_options::overwrite_existing);
    CHECK(place.limbic(place.train("whole")) == 2);
    CHECK(place.complaint.find("other data") != std::string::npos);
  }
}

TEST_CASE("a grid is ranked on the validation groups") {
  Workplace place;
  place.write("recipe.toml", Workplace::recipe() + "[grid]\ntrain.lr = [0.0, 0.01]\n");
  REQUIRE(place.limbic(place.train("grid", "--set train.epochs=3")) == 0);
  const std::string table = read_file(place.in("grid/grid.csv"));
  CHECK(std::count(table.begin(), table.end(), '\n') == 3);
  CHECK(read_file(place.in("grid/grid/0/log.txt")).find("the test groups were not read") != std::string::npos);
  CHECK(read_file(place.in("grid/log.txt")).find("read once") != std::string::npos);
  CHECK(place.limbic(place.train("stopped", "--set train.epochs=3 --stop-after-steps 2 --json")) == 0);
  CHECK(place.printed.find("\"complete\": false") != std::string::npos);
}

TEST_CASE("cv trains a fold a run and sums them up") {
  Workplace place;
  place.write("recipe.toml", Workplace::recipe() + "[cv]\nfolds = [\"1\", \"2\", \"3\"]\n");
  REQUIRE(place.limbic("cv" + place.train("cv", "--json --set train.epochs=2 --set train.keep=last").substr(5)) == 0);
  CHECK(place.printed.find("\"mean_accuracy\"") != std::string::npos);
  CHECK(place.printed.find("\"clips\": 18") != std::string::npos);
  REQUIRE(place.limbic("cv" + place.train("cv", "--set train.epochs=2 --set train.keep=last").substr(5)) == 0);
  for (const char* words : {"fold 2 (groups 3)", "mean of the folds", "all folds pooled: accuracy", "/18)", "top-3",
                            "UAR", "95 % interval", "predicted as"}) {
    INFO(words << "\n" << place.printed);
    CHECK(place.printed.find(words) != std::string::npos);
  }
  CHECK(place.limbic("cv" + place.train("cv2").substr(5)) == 2);
  for (const char* folds : {"[\\\"1\\\",\\\"\\\"]", "[\\\"1\\\",\\\"9\\\"]"}) {
    CHECK(place.limbic(
              "cv" + place.train("cv2", std::string("--set train.keep=last --set cv.folds=") + folds).substr(5)) == 2);
    CHECK(std::count(place.complaint.begin(), place.complaint.end(), '\n') == 1);
  }
  CHECK(!fs::exists(place.in("cv2")));
}

TEST_CASE("train, eval and cv run on the emulator, with the CPU's losses") {
  Workplace place;
  place.write("recipe.toml", Workplace::recipe() + "[cv]\nfolds = [\"1\", \"2\", \"3\"]\n");
  const std::string few = "--set train.epochs=1 --set train.keep=last --set net.widths=[2,2,2,2] ";
  std::vector<double> losses[2];
  for (const int i : {0, 1}) {
    const std::string device = i ? "emu" : "cpu", on = "--device " + device + " --json ";
    REQUIRE(place.limbic(place.train(device, few + on)) == 0);
    REQUIRE(place.limbic("eval --weights " + place.in(device + "/weights.h5") + " --data " + place.in("data") +
                         " --groups 3 " + on) == 0);
    losses[i].push_back(nlohmann::json::parse(place.printed)["accuracy"]);
    REQUIRE(place.limbic("cv" + place.train("cv_" + device, few + on).substr(5)) == 0);
    losses[i].push_back(nlohmann::json::parse(place.printed)["mean_accuracy"]);
    const std::string log = read_file(place.in(device + "/log.csv"));  // epoch, rate, training loss, ...
    std::istringstream row(log.substr(log.find('\n') + 1));
    for (std::string number; std::getline(row, number, ',');) losses[i].push_back(std::atof(number.c_str()));
  }
  REQUIRE(losses[0].size() == losses[1].size());
  for (size_t i = 0; i < losses[0].size(); ++i) {
    INFO("number " << i);
    CHECK(losses[1][i] == Approx(losses[0][i]).epsilon(1e-3).margin(1e-3));
  }
}

TEST_CASE("on a device, steps in a graph leave the bits of steps launched kernel by kernel, a resumed run's too") {
  Workplace place;
  // Steps of five clips in micro-batches of two and one, then a step of two clips; dropout, a penalty on weights.
  const std::string few = "--device emu --set train.epochs=2 --set train.keep=last --set net.widths=[2,2,2,2] "
                          "--set train.batch=5 --set train.micro_batch=2 --set split.train=\"1,2\" "
                          "--set split.validation=\"\" --set net.block_dropout=0.2 --set l2.kernel=0.01 "
                          "--set l2.layers=[\\\"fc\\\"] --json ";
  REQUIRE(place.limbic(place.train("launched", few + "--no-graph")) == 0);
  CHECK(place.complaint.find("CUDA graph") == std::string::npos);
  REQUIRE(place.limbic(place.train("graph", few)) == 0);
  CHECK(place.complaint.find(" are one CUDA graph from now on") != std::string::npos);
  for (const int steps : {3, 5}) {
    REQUIRE(place.limbic(place.train("resumed", few + "--stop-after-steps " + std::to_string(steps))) == 0);
  }
  REQUIRE(place.limbic(place.train("resumed", few)) == 0);
  const auto launched = limbic::read_checkpoint(place.in("launched/checkpoint.h5"));
  for (const char* other : {"graph", "resumed"}) {
    INFO(other);
    const auto found = limbic::read_checkpoint(place.in(std::string(other) + "/checkpoint.h5"));
    REQUIRE(found.tensors.size() == launched.tensors.size());
    for (const auto& [name, tensor] : launched.tensors) {
      INFO(name);
      CHECK(found.tensors.at(name).values == tensor.values);
    }
    CHECK(read_file(place.in(std::string(other) + "/log.csv")) == read_file(place.in("launched/log.csv")));
  }
}

TEST_CASE("a checkpoint whose counters are no counts is refused, with exit code 4") {
  Workplace place;
  const std::string arguments = place.train("run", "--set train.epochs=2 --stop-after-steps 1");
  REQUIRE(place.limbic(arguments) == 0);
  const auto whole = limbic::read_checkpoint(place.in("run/checkpoint.h5"));
  for (const float wrong : {std::nanf(""), 3e9f, -1.0f, 0.5f}) {
    auto spoilt = whole;
    spoilt.tensors.at("optimizer.step").values = {wrong};
    limbic::write_checkpoint(place.in("run/checkpoint.h5"), spoilt);
    CHECK(place.limbic(arguments) == 4);
    INFO(place.complaint);
    CHECK(place.complaint.find("checkpoint.h5: optimizer.step has ") != std::string::npos);
  }
}

TEST_CASE("micro-batches: one of the batch's size changes no bit, smaller ones train too and resume to the same bits") {
  Workplace place;
  const std::string shape = "--set train.epochs=2 --set train.batch=5 ";  // the last batch of an epoch has one clip
  REQUIRE(place.limbic(place.train("whole", shape)) == 0);
  REQUIRE(place.limbic(place.train("one", shape + "--set train.micro_batch=5")) == 0);
  CHECK(read_file(place.in("one/log.csv")) == read_file(place.in("whole/log.csv")));
  CHECK(place.limbic("weights diff " + place.in("one/weights.h5") + " " + place.in("whole/weights.h5")) == 0);

  REQUIRE(place.limbic(place.train("small", shape + "--set train.micro_batch=2")) == 0);
  const std::string log = read_file(place.in("small/log.csv"));
  CHECK(std::count(log.begin(), log.end(), '\n') == 3);
  CHECK(log != read_file(place.in("whole/log.csv")));
  REQUIRE(place.limbic(place.train("halves", shape + "--set train.micro_batch=2 --stop-after-steps 1")) == 0);
  REQUIRE(place.limbic(place.train("halves", shape + "--set train.micro_batch=2")) == 0);
  CHECK(read_file(place.in("halves/weights.h5")) == read_file(place.in("small/weights.h5")));
}

TEST_CASE("a resolved recipe leaves out what is unset, and runs begun before a key existed go on") {
  Workplace place;
  REQUIRE(place.limbic(place.train("run", "--stop-after-steps 1")) == 0);
  std::string recipe = read_file(place.in("run/recipe.toml"));
  CHECK(recipe.find("dropout") == std::string::npos);
  const std::string key = "patience = 0\n";
  REQUIRE(recipe.find(key) != std::string::npos);
  recipe.erase(recipe.find(key), key.size());
  recipe.insert(recipe.find("widths"), "dropout = -1.0\n");  // as it was once written
  place.write("run/recipe.toml", recipe);
  CHECK(place.limbic(place.train("run", "--stop-after-steps 1")) == 0);
  CHECK(place.limbic(place.train("run", "--set net.dropout=0.2")) == 2);
  CHECK(place.complaint.find("this one is \"dropout = 0.2\"") != std::string::npos);
}

TEST_CASE("cv writes posteriors that fuse reads, on clips of its fold, of training, and with --hold-out of neither") {
  Workplace place;
  place.write("recipe.toml", Workplace::recipe() + "[cv]\nfolds = [\"1\", \"2\", \"3\"]\n");
  REQUIRE(place.limbic(
              "cv" + place.train("cv", "--hold-out --json --set train.epochs=2 --set train.keep=last").substr(5)) == 0);
  const auto accuracy = nlohmann::json::parse(place.printed)["pooled"]["correct"].get<int>();
  const std::string all = read_file(place.in("cv/posteriors.csv"));
  CHECK(all.rfind("name,label,actor,fold,p0,p1\n", 0) == 0);
  CHECK(std::count(all.begin(), all.end(), '\n') == 1 + 18);
  CHECK(all.find("\ns2_1.wav,high,2,1,") != std::string::npos);  // speaker 2 is tested in fold 1
  for (const auto& [side, speaker] : {std::pair{"test", ",1,0,"}, {"validation", ",2,0,"}, {"train", ",3,0,"}}) {
    const std::string csv = read_file(place.in("cv/fold-0/posteriors_" + std::string(side) + ".csv"));
    INFO(side << "\n" << csv);
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 6);
    CHECK(csv.find(speaker) != std::string::npos);
  }
  // The table says what cv said: one stream's mean is itself.
  REQUIRE(place.limbic("fuse --quiet --json --folds fold --method mean --train " + place.in("cv/posteriors.csv")) == 0);
  CHECK(nlohmann::json::parse(place.printed)["scores"]["correct"].get<int>() == accuracy);
}

TEST_CASE("eval --calibrate writes weights that are less sure and otherwise the same, and draws both") {
  Workplace place;
  REQUIRE(place.limbic(place.train("run")) == 0);
  const std::string on = " --data " + place.in("data") + " --groups 2 --json --weights ";
  REQUIRE(place.limbic("eval --calibrate " + place.in("calm.h5") + " --reliability " + place.in("both.svg") + on +
                       place.in("run/weights.h5")) == 0);
  const auto said = nlohmann::json::parse(place.printed);
  const double temperature = said["calibration"]["fitted"]["temperature"].get<double>();
  CHECK(said["calibration"]["temperature"].get<double>() == 1);
  CHECK(said["calibration"]["fitted"]["loss"].get<double>() <= said["calibration"]["loss"].get<double>());
  CHECK(read_file(place.in("both.svg")).find("fitted here") != std::string::npos);
  REQUIRE(place.limbic("eval --calibrate " + place.in("again.h5") + on + place.in("calm.h5")) == 0);
  const auto again = nlohmann::json::parse(place.printed);
  CHECK(again["correct"] == said["correct"]);
  CHECK(again["loss"].get<double>() == Approx(said["calibration"]["fitted"]["loss"].get<double>()).epsilon(1e-3));
  CHECK(again["calibration"]["temperature"].get<double>() ==
        Approx(temperature).margin(5.1e-5));  // printed with four digits
  CHECK(again["calibration"]["fitted"]["temperature"].get<double>() == Approx(temperature).epsilon(2e-3));
  CHECK(place.limbic("eval --calibrate " + place.in("calm.h5") + on + place.in("run/weights.h5")) == 2);
  REQUIRE(place.limbic("weights convert --card temperature=cold -o " + place.in("cold.h5") + " " +
                       place.in("calm.h5")) == 0);
  CHECK(place.limbic("eval" + on + place.in("cold.h5")) == 4);
}

TEST_CASE("fine-tuning replaces the head where the classes differ, and frozen parameters stay") {
  Workplace place;
  REQUIRE(place.limbic(place.train("base", "--set train.epochs=1")) == 0);
  std::string manifest = read_file(place.in("data/manifest.csv"));
  manifest.replace(manifest.find("s1_0.wav,low"), 12, "s1_0.wav,mid");
  place.write("data/manifest.csv", manifest);
  const std::string from = "--set train.epochs=1 --from " + place.in("base/weights.h5");
  CHECK(place.limbic(place.train("tuned", from + " --freeze 'conv_block*'")) == 0);
  CHECK(read_file(place.in("tuned/log.txt")).find("base/weights.h5, of clips; trained on groups 1 (6 clips)\n") !=
        std::string::npos);
  CHECK(place.limbic("weights diff " + place.in("base/weights.h5") + " " + place.in("tuned/weights.h5")) == 7);
  CHECK(place.printed.find("conv_block2.conv1.weight") == std::string::npos);
  CHECK(place.printed.find("bn0.weight") != std::string::npos);
  CHECK(place.printed.find("[2,4] and [3,4]") != std::string::npos);  // the head

  // As many classes, but other ones.
  while (manifest.find(",high") != std::string::npos) manifest.replace(manifest.find(",high"), 5, ",loud");
  manifest.replace(manifest.find("s1_0.wav,mid"), 12, "s1_0.wav,low");
  place.write("data/manifest.csv", manifest);
  CHECK(place.limbic(place.train("renamed", from)) == 0);
  CHECK(place.complaint.find("its classes are high low, these are loud low: fc starts anew") != std::string::npos);

  CHECK(place.limbic(place.train("none", "--freeze '*'")) == 2);

  // Weights that cannot be read are told before any clip is.
  place.write("bad.h5", "not weights");
  place.write("data/s1_0.wav", "not sound");
  CHECK(place.limbic(place.train("bad", "--from " + place.in("bad.h5"))) == 4);
  CHECK(place.limbic(place.train("bad", "")) == 3);
}

TEST_CASE("a manifest's split column serves in place of groups, and the guard watches it") {
  Workplace place;
  std::string manifest = read_file(place.in("data/manifest.csv"));
  const auto with_column = [&](const std::string& validation) {
    std::string text;
    std::istringstream lines(manifest);
    for (std::string line; std::getline(lines, line);) {
      text += line + "," +
              (text.empty()         ? "split"
               : line.back() == '1' ? "train"
               : line.back() == '2' ? validation
                                    : "test") +
              "\n";
    }
    place.write("data/manifest.csv", text);
  };
  std::string recipe = Workplace::recipe();
  recipe.replace(recipe.find("[split]"), recipe.find("[train]") - recipe.find("[split]"), "");
  place.write("recipe.toml", recipe + "[grid]\ntrain.lr = [0.01, 0.02]\n");
  with_column("dev");
  CHECK(place.limbic(place.train("a")) == 3);
  CHECK(place.complaint.find("split is \"dev\"; expected train, validation, test") != std::string::npos);
  with_column("");
  CHECK(place.limbic(place.train("a")) == 2);
  CHECK(place.complaint.find("[grid] is ranked on validation clips, but there are none") != std::string::npos);
  with_column("validation");
  REQUIRE(place.limbic(place.train("a", "--set train.epochs=1")) == 0);
  CHECK(read_file(place.in("a/log.txt")).find("validation 6 clips of the manifest's split column") !=
        std::string::npos);
  check_picture(read_file(place.in("a/curves.svg")));
  check_picture(read_file(place.in("a/confusion_test.svg")));

  fs::copy_file(place.in("data/s1_0.wav"), place.in("data/s3_0.wav"), fs::copy_options::overwrite_existing);
  CHECK(place.limbic(place.train("b")) == 2);
  CHECK(place.complaint.find("the same recording is in train (s1_0.wav) and in test (s3_0.wav)") != std::string::npos);
  place.write("recipe.toml", "grid = 3\n" + recipe);
  CHECK(place.limbic(place.train("b")) == 2);
  CHECK(place.complaint.find("grid wants a table") != std::string::npos);
}

TEST_CASE("clips with RAVDESS names are read without a manifest: mp4, flac, wav; song and silent video are left out") {
  Workplace place;
  const std::string tone = "ffmpeg -v error -f lavfi -i sine=frequency=", length = ":duration=1 ";
  std::string command = "mkdir -p " + place.in("ravdess/Actor_01") + " && cd " + place.in("ravdess");
  int pitch = 200;
  for (const char* name : {"Actor_01/01-01-03-01-01-01-01.mp4", "Actor_01/03-01-05-01-01-01-01.flac",
                           "03-01-03-01-01-01-02.wav", "01-01-05-01-01-01-02.mp4", "03-01-03-01-01-01-03.wav",
                           "03-01-05-01-01-01-03.wav", "03-02-05-01-01-01-03.wav", "02-01-05-01-01-01-03.mp4"}) {
    command += " && " + tone + std::to_string(pitch += 100) + length + name;
  }
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string arguments = "train " + place.in("recipe.toml") + " --data " + place.in("ravdess") + " --out ";
  REQUIRE(place.limbic(arguments + place.in("named") + " --set train.epochs=1") == 0);
  CHECK(place.complaint.find("1 sung clips left out") != std::string::npos);
  CHECK(place.complaint.find("1 clips without sound left out") != std::string::npos);
  CHECK(read_file(place.in("named/result.json")).find("\"happy\",") != std::string::npos);
  REQUIRE(place.limbic("eval --weights " + place.in("named/weights.h5") + " --data " + place.in("ravdess") +
                       " --groups 1-3") == 0);
  CHECK(place.printed.find("/6)") != std::string::npos);
  CHECK(place.limbic("eval --weights " + place.in("named/weights.h5") + " --data " + place.in("ravdess") +
                     " --groups 1,9") == 2);
  CHECK(place.complaint.find("--groups names group 9, which has no clip") != std::string::npos);
  std::ofstream(place.in("ravdess/notes.wav")) << "x";
  CHECK(place.limbic(arguments + place.in("other")) == 3);
  CHECK(place.complaint.find("notes.wav: expected a RAVDESS name") != std::string::npos);
}

TEST_CASE("alexnet learns from pictures of log-mels, and eval reads what it learnt") {
  Workplace place;
  place.write("recipe.toml",
              "seed = 3\n[net]\nname = \"alexnet\"\nwidths = [8, 8, 8, 8, 8]\n[input]\nfront_end = \"panns-16k\"\n"
              "[split]\ntrain = \"1\"\ntest = \"3\"\n[train]\nepochs = 1\nbatch = 6\nlr = 0.01\noptimizer = \"sgd\"\n");
  REQUIRE(place.limbic(place.train("alexnet")) == 0);
  REQUIRE(place.limbic("eval --json --weights " + place.in("alexnet/weights.h5") + " --data " + place.in("data") +
                       " --groups 3") == 0);
  CHECK(place.printed.find("\"net\": \"alexnet\"") != std::string::npos);
  CHECK(place.printed.find("\"clips\": 6") != std::string::npos);
}

TEST_CASE("the alpha of mixup counts, below 1 and above") {
  Workplace place;
  std::set<std::string> logs;
  for (const char* alpha : {"0.3", "1", "8"}) {
    REQUIRE(place.limbic(place.train(
                alpha, std::string("--set train.epochs=1 --set augment.mixup_share=1 --set augment.mixup=") + alpha)) ==
            0);
    logs.insert(read_file(place.in(std::string(alpha) + "/log.csv")));
  }
  CHECK(logs.size() == 3);
}

TEST_CASE("kernels that round differently do not share log-mels in the cache") {
  if (!limbic::isa_supported(limbic::Isa::avx2)) {
    WARN("skipped: this CPU has only the reference kernels");
    return;
  }
  Workplace place;
  REQUIRE(place.limbic(place.train("whole", "--set train.epochs=1")) == 0);
  const auto entries = [&] {
    const fs::recursive_directory_iterator cache(place.path / "cache");
    return std::count_if(begin(cache), end(cache), [](const auto& entry) { return entry.is_regular_file(); });
  };
  const std::string eval =
      "eval --weights " + place.in("whole/weights.h5") + " --data " + place.in("data") + " --groups 3";
  const auto before = entries();
  REQUIRE(place.limbic(eval) == 0);
  CHECK(entries() == before);
  setenv("LIMBIC_ISA", "reference", 1);
  CHECK(place.limbic(eval) == 0);
  unsetenv("LIMBIC_ISA");
  CHECK(entries() == before + 6);
}

TEST_CASE("a resumed run removes what a killed one left unfinished") {
  Workplace place;
  REQUIRE(place.limbic(place.train("run", "--set train.epochs=2 --stop-after-steps 4")) == 0);
  place.write("run/checkpoint.h5.next.tmp-999999999-7", "half");
  REQUIRE(place.limbic(place.train("run", "--set train.epochs=2")) == 0);
  CHECK(!fs::exists(place.in("run/checkpoint.h5.next.tmp-999999999-7")));
}

TEST_CASE("mistakes in a recipe are told in one line, with exit code 2") {
  Workplace place;
  const auto refused = [&](const std::string& more, const std::string& words) {
    CHECK(place.limbic(place.train("x", more)) == 2);
    CHECK(std::count(place.complaint.begin(), place.complaint.end(), '\n') == 1);
    INFO(place.complaint);
    CHECK(place.complaint.find(words) != std::string::npos);
  };
  refused("--set train.epoch=3", "did you mean train.epochs?");
  refused("--set learning_rate=3", "did you mean");
  refused("--set train.lr=fast", "train.lr wants a number");
  refused("--set train.optimizer=adamm", "expected one of adam, amsgrad, adamw, sgd");
  refused("--set split.test=2", "speaker 2 is in validation");
  refused("--set split.train=9", "group 9");
  refused("--set split.validation=",
          "train.keep = \"best-loss\" chooses an epoch on validation clips, but there are none");
  refused("--set net.widths=[4,4,4,4294967300]", "net.widths");
  refused("--set net.kernel=[3]", "net.kernel");
  refused("--quiet --freeze 'conv_blok*'",
          "train.freeze: \"conv_blok*\" matches no parameter of voice; did you mean conv_block1?");
  refused("--quiet --set l2.layers=[\\\"fc1\\\"]",
          "l2.layers: \"fc1\" matches no parameter of voice; did you mean fc?");
  refused("--set input.offset_s=601", "input.offset_s is 601; expected 0 to 600");
  refused("--set input.length_s=1e300", "input.length_s");
  place.write("recipe.toml", "[train]\nepochs = 3\nbacth = 4\n");
  refused("", "recipe.toml, line 3: no key train.bacth; did you mean train.batch?");
  place.write("recipe.toml", "[train\n");
  refused("", "recipe.toml, line 1");
  place.write("recipe.toml", Workplace::recipe());
  CHECK(place.limbic(place.train("narrow", "--set net.widths=[8]")) == 2);
  CHECK(place.complaint.find("voice: widths [8]: found 1, expected 4") != std::string::npos);
  CHECK(!fs::exists(place.in("narrow")));
  CHECK(place.limbic(place.train("narrow", "--set input.crop_s=0.05")) == 2);  // 3 frames: shorter than voice can take
  CHECK(place.limbic(place.train("narrow", "--set input.front_end=librosa-48k")) == 2);
  CHECK(!fs::exists(place.in("narrow")));
  CHECK(place.limbic("train " + place.in("none.toml") + " --data " + place.in("data") + " --out " + place.in("y")) ==
        2);
}

TEST_CASE("every recipe that ships is understood") {
  Workplace place;
  for (const auto& entry : fs::directory_iterator(std::string(LIMBIC_SOURCE_DIR) + "/nets/recipes")) {
    if (entry.path().extension() != ".toml") continue;
    INFO(entry.path());
    // The recipe is read before the data, which is not there.
    CHECK(place.limbic("train " + entry.path().string() + " --data " + place.in("nowhere") + " --out " +
                       place.in("z")) == 3);
  }
}
