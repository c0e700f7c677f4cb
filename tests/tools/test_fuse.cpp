// SPDX-License-Identifier: Apache-2.0
// `limbic fuse` as its users meet it, against what scikit-learn answers (tests/fixtures/fuse) and hand-made tables.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/data_folder.h"
#include "tests/tools/program.h"

using limbic_test::Run;
using limbic_test::Scratch;
using nlohmann::json;

namespace {

const std::string fixture = LIMBIC_SOURCE_DIR "/tests/fixtures/fuse/";

json expected() {
  std::ifstream file(fixture + "expected.json");
  return json::parse(file);
}

struct Answer {
  std::string name, label, pred;
  std::vector<double> p;
};

std::vector<Answer> read_answers(const std::string& csv) {
  std::vector<Answer> answers;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  CHECK(line.rfind("name,label,pred,p0", 0) == 0);
  while (std::getline(lines, line)) {
    Answer answer;
    std::istringstream fields(line);
    std::getline(fields, answer.name, ',');
    std::getline(fields, answer.label, ',');
    std::getline(fields, answer.pred, ',');
    for (std::string field; std::getline(fields, field, ',');) answer.p.push_back(std::stod(field));
    answers.push_back(answer);
  }
  return answers;
}

double worst(const json& wanted, const json& found) {  // two arrays of arrays of numbers
  REQUIRE(wanted.size() == found.size());
  double most = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    REQUIRE(wanted[i].size() == found[i].size());
    for (size_t k = 0; k < wanted[i].size(); ++k)
      most = std::max(most, std::abs(wanted[i][k].get<double>() - found[i][k].get<double>()));
  }
  return most;
}

json probabilities(const std::vector<Answer>& answers) {
  json rows = json::array();
  for (const auto& answer : answers) rows.push_back(answer.p);
  return rows;
}

// Runs on the fixture; the answers are in out.csv.
json fuse_fixture(const Scratch& scratch, const std::string& options) {
  const Run run = scratch.run("limbic fuse --train " + fixture + "train.csv --test " + fixture +
                              "test.csv --json --force -o out.csv " + options);
  INFO(options << "\n" << run.err);
  REQUIRE(run.code == 0);
  return json::parse(run.out);
}

void write(const Scratch& scratch, const std::string& name, const std::string& text) {
  std::ofstream(scratch.folder() / name) << text;
}

}  // namespace

TEST_CASE("fuse: logistic regression has scikit-learn's coefficients and probabilities") {
  Scratch scratch;
  const json table = expected();
  for (const auto& [key, wanted] : table["logistic"].items()) {
    const std::string scale = key.substr(0, key.find(' ')), C = key.substr(key.find(' ') + 1);
    const json said = fuse_fixture(scratch, "--scale " + scale + " --C " + C);
    INFO(key);
    CHECK(said["model"]["gradient_max"].get<double>() <= 1e-6);
    CHECK(worst(wanted["coefficients"], said["model"]["coefficients"]) < 1e-6);
    CHECK(worst(json::array({wanted["intercepts"]}), json::array({said["model"]["intercepts"]})) < 1e-5);
    CHECK(worst(wanted["p"], probabilities(read_answers(scratch.read("out.csv")))) < 1e-6);
    CHECK(said["scores"]["correct"] == wanted["correct"]);
    CHECK(said["labels"] == json({"2", "3", "10", "11"}));
  }
}

TEST_CASE("fuse: svc and knn answer as scikit-learn does") {
  Scratch scratch;
  const json wanted = expected();
  for (const std::string scale : {"none", "minmax", "standard"}) {
    INFO(scale);
    fuse_fixture(scratch, "--method svc --C 10 --scale " + scale);
    auto answers = read_answers(scratch.read("out.csv"));
    const json& svc = wanted["svc"][scale];
    for (size_t i = 0; i < answers.size(); ++i) {
      CHECK(answers[i].pred == svc["pred"][i]);
      double sum = 0;  // our scores are scikit-learn's decision function through a softmax
      for (const auto& d : svc["decision"][i]) sum += std::exp(d.get<double>());
      for (size_t k = 0; k < answers[i].p.size(); ++k)
        CHECK(answers[i].p[k] == Approx(std::exp(svc["decision"][i][k].get<double>()) / sum).epsilon(2e-3));
    }
    fuse_fixture(scratch, "--method knn --neighbours 10 --scale " + scale);
    answers = read_answers(scratch.read("out.csv"));
    CHECK(worst(wanted["knn"][scale]["p"], probabilities(answers)) < 1e-12);
    for (size_t i = 0; i < answers.size(); ++i) CHECK(answers[i].pred == wanted["knn"][scale]["pred"][i]);
  }
}

TEST_CASE("fuse: the perceptron learns the fixture, the same at every run") {
  Scratch scratch;
  const json first = fuse_fixture(scratch, "--method mlp --scale standard --hidden 16,8");
  const std::string answers = scratch.read("out.csv");
  CHECK(first["scores"]["accuracy"].get<double>() >=
        expected()["logistic"]["standard 1"]["correct"].get<double>() / 40 - 0.1);
  CHECK(first["model"]["epochs"].get<int>() > 10);
  fuse_fixture(scratch, "--method mlp --scale standard --hidden 16,8 --threads 3");
  CHECK(scratch.read("out.csv") == answers);
  fuse_fixture(scratch, "--method mlp --scale standard --hidden 16,8 --seed 1");
  CHECK(scratch.read("out.csv") != answers);
}

TEST_CASE("fuse: streams are combined by mean, median, votes and weights") {
  Scratch scratch;
  // Labels a, b, c; three streams, the third of scores that are no probabilities.
  write(scratch, "a.csv",
        "name,label,a0,a1,a2,b0,b1,b2,c0,c1,c2\n"
        "1,a,.6,.3,.1,.2,.5,.3,2,1,0\n"
        "2,b,.6,.3,.1,.2,.5,.3,0,1,0\n"
        "3,c,.1,.1,.8,.2,.5,.3,0,1,2\n");
  const auto fused = [&](const std::string& options) {
    const Run run = scratch.run("limbic fuse --quiet --train a.csv --test a.csv --force -o out.csv " + options);
    INFO(run.err);
    REQUIRE(run.code == 0);
    return read_answers(scratch.read("out.csv"));
  };
  const double e = std::exp(1.0), sum = e * e + e + 1;
  const double c0[] = {e * e / sum, e / sum, 1 / sum};  // the softmax of 2, 1, 0
  const double a[] = {.6, .3, .1}, b[] = {.2, .5, .3};
  auto answers = fused("--method mean");
  for (int k = 0; k < 3; ++k) CHECK(answers[0].p[k] == Approx((a[k] + b[k] + c0[k]) / 3).epsilon(1e-12));
  CHECK(answers[0].pred == "a");

  answers = fused("--method median");
  const double total = .6 + .3 + .1;  // medians of (.6 .2 .665), (.3 .5 .245), (.1 .3 .09)
  CHECK(answers[0].p[0] == Approx(.6 / total));
  CHECK(answers[0].p[1] == Approx(.3 / total));

  answers = fused("--method mode");  // row 1: votes a, b, a; row 2: a, b, b; row 3: c, b, c
  CHECK(answers[0].pred == "a");
  CHECK(answers[1].pred == "b");
  CHECK(answers[2].pred == "c");
  CHECK(answers[2].p[0] + answers[2].p[1] + answers[2].p[2] == Approx(1).epsilon(1e-12));

  // Right on the table itself: stream 1 in rows 1, 3; stream 2 in row 2; stream 3 in all.
  answers = fused("--method weighted");
  for (int k = 0; k < 3; ++k) CHECK(answers[0].p[k] == Approx((2 * a[k] + b[k] + 3 * c0[k]) / 6).epsilon(1e-12));
  answers = fused("--method weighted --stream-weights 0,3,1");
  for (int k = 0; k < 3; ++k) CHECK(answers[0].p[k] == Approx((3 * b[k] + c0[k]) / 4).epsilon(1e-12));

  CHECK(scratch.run("limbic fuse --train a.csv --test a.csv --method weighted --stream-weights 1,2").code == 2);
  CHECK(scratch.run("limbic fuse --train a.csv --test a.csv --stream-weights 1,2,3").code == 2);
  write(scratch, "ties.csv", "name,label,a0,a1,b0,b1\n1,x,.9,.1,.4,.6\n2,y,.4,.6,.6,.4\n");
  answers = read_answers((scratch.run("limbic fuse --quiet --train ties.csv --test ties.csv --method mode -o t.csv"),
                          scratch.read("t.csv")));
  CHECK(answers[0].pred == "x");  // one vote each: the mean decides
  CHECK(answers[1].pred == "x");  // equal means too: the first
}

TEST_CASE("fuse: files are joined by clip, whatever the modality and the spelling of labels") {
  Scratch scratch;
  write(scratch, "voice.csv",
        "name,label,actor,p0,p1,p2\n"
        "Actor_01/03-01-01-01-01-01-01.flac,neutral,1,.1,.8,.1\n"
        "Actor_01/03-01-03-01-01-01-01.flac,happy,1,.7,.2,.1\n"
        "Actor_02/03-01-05-01-01-01-02.flac,angry,2,.1,.3,.6\n");  // sorted: angry, happy, neutral
  write(scratch, "face.csv",
        "name,label,p0,p1,p2\n"
        "01-01-05-01-01-01-02,4,.0,.0,1\n"
        "01-01-01-01-01-01-01,0,1,0,0\n"
        "01-01-03-01-01-01-01,2,0,1,0\n"
        "01-01-03-01-01-01-09,2,0,1,0\n");  // sorted: 0, 2, 4
  const Run run =
      scratch.run("limbic fuse --train voice.csv face.csv --test voice.csv face.csv --method mean -o out.csv");
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(run.err.find("1 rows that voice.csv does not name are left out") != std::string::npos);
  const auto answers = read_answers(scratch.read("out.csv"));
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].name == "Actor_01/03-01-01-01-01-01-01.flac");
  CHECK(answers[0].pred == "neutral");  // voice said happy at .8, the face neutral at 1
  CHECK(answers[0].p[2] == Approx((.1 + 1) / 2));
  CHECK(answers[2].p[0] == Approx((.1 + 1) / 2));  // the face's class 4 is "angry", the first of the voice's
  CHECK(scratch.run("limbic fuse --train voice.csv face.csv --test voice.csv --method mean").code == 2);
  write(scratch, "short.csv", "name,label,p0,p1,p2\n01-01-05-01-01-01-02,4,.0,.0,1\n");
  const Run missing = scratch.run("limbic fuse --train voice.csv short.csv --test voice.csv short.csv --method mean");
  CHECK(missing.code == 3);
  CHECK(missing.err.find("short.csv, line 1: found no row for Actor_01/03-01-01-01-01-01-01.flac") !=
        std::string::npos);
  write(scratch, "mixed.csv",
        "name,label,p0,p1,p2\n01-01-05-01-01-01-02,4,0,0,1\n01-01-01-01-01-01-01,4,1,0,0\n01-01-03-01-01-01-01,2,0,1,"
        "0\n");
  CHECK(scratch.run("limbic fuse --train voice.csv mixed.csv --test voice.csv mixed.csv --method mean").code == 3);
}

TEST_CASE("fuse: reserved columns and words are no features, test labels may be empty, labels keep their spelling") {
  Scratch scratch;
  // Were any reserved column a feature, it would give the label away in A and mislead in B.
  write(scratch, "a.csv",
        "name,label,actor,fold,group,split,note,x\n1,\"yes, sir\",1,1,1,1,good,0.9\n2,no,0,0,0,0,bad,0.1\n3,\"yes, "
        "sir\",1,1,1,1,good,0.8\n4,no,0,0,0,0,bad,0.3\n");
  write(scratch, "b.csv", "x,name,label,actor,fold,group,split,note\n0.1,p,,1,1,1,1,good\n0.9,q,no,0,0,0,0,bad\n");
  const Run run = scratch.run("limbic fuse --train a.csv --test b.csv --C 100 -o out.csv --json");
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(run.err.find("column note holds no number") != std::string::npos);
  const json said = json::parse(run.out);
  CHECK(said["labels"] == json({"no", "yes, sir"}));
  CHECK(said["model"]["coefficients"].size() == 2);  // all K rows, also for two classes
  CHECK(said["model"]["coefficients"][0].size() == 1);
  CHECK(said["scores"]["clips"] == 1);
  CHECK(said["scores"]["correct"] == 0);
  const std::string csv = scratch.read("out.csv");
  CHECK(csv.find("\np,,no,") != std::string::npos);
  CHECK(csv.find("\nq,no,\"yes, sir\",") != std::string::npos);

  write(scratch, "c.csv", "name,x\np,0.1\n");
  const Run blind = scratch.run("limbic fuse --train a.csv --test c.csv --quiet");
  CHECK(blind.code == 0);
  CHECK(blind.out == "1 rows answered; none has a label\n");
}

TEST_CASE("fuse: a column without range does no harm, and nothing is clipped") {
  Scratch scratch;
  write(scratch, "a.csv", "name,label,x,flat\n1,u,0,5\n2,u,1,5\n3,v,3,5\n4,v,4,5\n");
  write(scratch, "b.csv", "name,label,x,flat\n1,u,-4,6\n2,v,8,5\n");
  for (const std::string scale : {"minmax", "standard"}) {
    const Run run = scratch.run("limbic fuse --train a.csv --test b.csv --json --force -o out.csv --scale " + scale);
    REQUIRE(run.code == 0);
    const json model = json::parse(run.out)["model"];
    CHECK(model["coefficients"][1][1].get<double>() == Approx(0).margin(1e-7));                      // constant on A
    const double span = scale == "minmax" ? 4 : std::sqrt(2.5), offset = scale == "minmax" ? 0 : 2;  // 10/4: population
    const auto answers = read_answers(scratch.read("out.csv"));
    const double z =
        (-4 - offset) / span * (model["coefficients"][1][0].get<double>() - model["coefficients"][0][0].get<double>()) +
        model["intercepts"][1].get<double>() - model["intercepts"][0].get<double>();
    CHECK(answers[0].p[1] == Approx(1 / (1 + std::exp(-z))).epsilon(1e-6));
  }
}

TEST_CASE("fuse: what a table must not be is told in one line, with exit code 3") {
  Scratch scratch;
  write(scratch, "good.csv", "name,label,x,y\n1,a,0.1,1\n2,b,0.2,2\n3,a,0.3,4\n");
  const auto refused = [&](const std::string& text, const std::string& words) {
    write(scratch, "bad.csv", text);
    for (const std::string files : {"--train bad.csv --test good.csv", "--train good.csv --test bad.csv"}) {
      const Run run = scratch.run("limbic fuse " + files + " -o out.csv");
      INFO(files << "\n" << text << "\n" << run.err);
      CHECK(run.code == 3);
      CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
      CHECK(run.err.find("limbic: bad.csv") == 0);
      CHECK(run.err.find(words) != std::string::npos);
      CHECK(scratch.read("out.csv").empty());
    }
  };
  refused("", "bad.csv: found");
  refused("name,label,x,y\n", "line 2: found no row");
  refused("name,label,x,y\n1,a,0.1,1\n2,b,0.2\n", "line 3: found 3 fields, expected 4");
  refused("name,label,x,y\n1,a,0.1,1\n2,b,zero,2\n", "line 3: found \"zero\" in column x, expected a finite number");
  refused("name,label,x,y\n1,a,0.1,1\n2,b,nan,2\n", "line 3: found \"nan\" in column x");
  refused("name,label,x,y\n1,a,0.1,1\n2,b,1e999,2\n", "line 3");
  refused("name,label,x,y\n1,a,0.1,1\n2,b,,2\n", "line 3: found \"\" in column x");
  refused("clip,label,x,y\n1,a,0.1,1\n", "line 1: found no column \"name\"");
  refused("name,label,x,x\n1,a,0.1,1\n", "line 1: found the column x twice");
  refused("name,label,x,y\n1,\"a,0.1,1\n2,b,0.2,2\n", "quote");
  const auto fails = [&](const std::string& arguments, int code, const std::string& words) {
    const Run run = scratch.run("limbic fuse " + arguments);
    INFO(arguments << "\n" << run.err);
    CHECK(run.code == code);
    CHECK(run.err.find(words) != std::string::npos);
  };
  write(scratch, "bad.csv", "name,label,x\n1,a,0.1\n2,b,0.2\n");
  fails("--train good.csv --test bad.csv", 3,
        "bad.csv, line 1: found no column y, expected the 2 features of good.csv");
  write(scratch, "bad.csv", "name,label,x,y\n1,a,0.1,1\n2,,0.2,2\n");
  fails("--train bad.csv --test good.csv", 3, "bad.csv, line 3: found an empty label");
  write(scratch, "bad.csv", "name,label,x,y\n1,a,0.1,1\n2,c,0.2,2\n");
  fails("--train good.csv --test bad.csv", 3, "bad.csv, line 3: found label c, expected one of a, b");
  write(scratch, "bad.csv", "name,label,x,y\n1,a,0.1,1\n2,a,0.2,2\n");
  fails("--train bad.csv --test good.csv", 3, "two or more labels");
  write(scratch, "bad.csv", "name,label,x,y,z\n1,a,0.1,1,2\n2,b,0.2,2,1\n");
  fails("--train bad.csv --test bad.csv --method mean", 3,
        "bad.csv, line 1: found 3 columns of numbers, expected a multiple of 2");
  fails("--train none.csv --test good.csv", 3, "none.csv: found no such file");
  fails("--train . --test good.csv", 3, "a directory");
  fails("--train good.csv", 2, "--test");
  fails("--train good.csv --test good.csv --C 0", 2, "--C");
  fails("--train good.csv --test good.csv --method best", 2, "--method");
  fails("--train good.csv --folds fold", 2, "no column fold");
}

TEST_CASE("fuse: an output stands whole or not at all, and is not replaced unasked") {
  Scratch scratch;
  write(scratch, "good.csv", "name,label,x,y\n1,a,0.1,1\n2,b,0.2,2\n3,a,0.3,4\n");
  write(scratch, "out.csv", "mine\n");
  const Run kept = scratch.run("limbic fuse --train good.csv --test good.csv -o out.csv");
  CHECK(kept.code == 2);
  CHECK(scratch.read("out.csv") == "mine\n");
  CHECK(scratch.run("limbic fuse --train good.csv --test good.csv -o out.csv --force --quiet").code == 0);
  CHECK(scratch.read("out.csv").rfind("name,label,pred,p0,p1\n", 0) == 0);
  CHECK(scratch.run("limbic fuse --train good.csv --test good.csv -o nowhere/out.csv").code == 1);
  CHECK(scratch.run("ls -A | grep -v '^\\.' | sort | tr '\\n' ' '").out == "good.csv out.csv ");
}

TEST_CASE("fuse: --folds answers every row without its own fold, --train-groups and --test-groups choose speakers") {
  Scratch scratch;
  const Run run =
      scratch.run("limbic fuse --train " + fixture + "train.csv --folds fold --scale standard --json -o cv.csv");
  REQUIRE(run.code == 0);
  const json said = json::parse(run.out);
  CHECK(said["scores"]["clips"] == 120);
  REQUIRE(said["cross_validation"]["folds"].size() == 3);
  double mean = 0;
  for (const auto& fold : said["cross_validation"]["folds"]) mean += fold["accuracy"].get<double>() / 3;
  CHECK(said["cross_validation"]["mean_accuracy"].get<double>() == Approx(mean));
  // Actor 2's rows by a model of the others: the same as choosing the groups by hand.
  REQUIRE(scratch.run("limbic fuse --quiet --train " + fixture + "train.csv --folds actor -o actors.csv").code == 0);
  REQUIRE(scratch
              .run("limbic fuse --quiet --train " + fixture + "train.csv --train-groups 1,3-5 --test " + fixture +
                   "train.csv --test-groups 2 -o two.csv")
              .code == 0);
  const auto all = read_answers(scratch.read("actors.csv")), two = read_answers(scratch.read("two.csv"));
  REQUIRE(two.size() == 24);
  for (size_t i = 0; i < two.size(); ++i) {
    CHECK(two[i].name == all[5 * i + 1].name);
    CHECK(two[i].p == all[5 * i + 1].p);
  }
  CHECK(scratch.run("limbic fuse --train " + fixture + "train.csv --train-groups 9 --folds fold").code == 2);
}

TEST_CASE(
    "fuse: --calibrate finds the temperature that scores were spoilt with, and --reliability draws what is left") {
  Scratch scratch;
  // Class 0 is right in 3 of 4 rows, in three folds alike; the scores claim 0.99.
  std::string csv = "name,label,fold,p0,p1\n";
  for (int i = 0; i < 120; ++i)
    csv += std::to_string(i) + (i % 4 ? ",0," : ",1,") + std::to_string(i / 40) + ",0.99,0.01\n";
  write(scratch, "sure.csv", csv);
  const Run run = scratch.run(
      "limbic fuse --quiet --train sure.csv --folds fold --method mean --calibrate --reliability picture.svg --json -o "
      "out.csv");
  INFO(run.err);
  REQUIRE(run.code == 0);
  CHECK(json::parse(run.out)["calibration_error"].get<double>() == Approx(0).margin(1e-6));
  for (const auto& answer : read_answers(scratch.read("out.csv"))) CHECK(answer.p[0] == Approx(0.75).epsilon(1e-6));
  const std::string svg = scratch.read("picture.svg");
  CHECK(svg.rfind("<svg", 0) == 0);
  CHECK(svg.find("calibration error 0.000") != std::string::npos);
  CHECK(scratch.run("limbic fuse --train sure.csv --folds fold --reliability picture.svg").code == 2);

  const Run before = scratch.run("limbic fuse --quiet --train sure.csv --folds fold --method mean --json");
  CHECK(json::parse(before.out)["calibration_error"].get<double>() == Approx(0.24).epsilon(1e-9));
  const Run held = scratch.run("limbic fuse --quiet --train sure.csv --test sure.csv --method mean --calibrate --json");
  // (0.99 / 0.01)^(1/T) = 3
  CHECK(json::parse(held.out)["model"]["temperature"].get<double>() ==
        Approx(std::log(99.0) / std::log(3.0)).epsilon(1e-6));
  write(scratch, "plain.csv", "name,label,fold,p0,p1\n1,0,1,.6,.4\n2,1,2,.6,.4\n");
  CHECK(scratch.run("limbic fuse --train plain.csv --folds fold --method mean --calibrate").code == 2);
  write(scratch, "plain.csv", "name,label,p0,p1\n1,0,.6,.4\n2,1,.6,.4\n");
  CHECK(scratch.run("limbic fuse --train plain.csv --test plain.csv --method mean --calibrate").code == 2);
}

TEST_CASE("fuse: action units of RAVDESS, five folds by actor: as scikit-learn") {
  const std::string csv = data_file("ravdess_au/action_units_mean.csv");
  if (csv.empty()) return;
  Scratch scratch;
  const auto accuracy = [&](const std::string& options) {
    const Run run = scratch.run("limbic fuse --train '" + csv + "' --folds fold --json " + options, 300);
    INFO(run.err);
    REQUIRE(run.code == 0);
    return 100 * json::parse(run.out)["cross_validation"]["mean_accuracy"].get<double>();
  };
  // scikit-learn 1.9: LogisticRegression(C=1, tol=1e-8) 58.07 and 59.22, KNeighborsClassifier(40) 55.40.
  CHECK(accuracy("") == Approx(58.07).margin(0.005));
  CHECK(accuracy("--scale minmax") == Approx(59.22).margin(0.005));
  CHECK(accuracy("--method knn --neighbours 40 --scale minmax") == Approx(55.40).margin(0.005));
}
