// SPDX-License-Identifier: Apache-2.0
// `limbic report`: one page about one clip, with everything the answer rests on, that needs no network and no script.
#include <algorithm>
#include <memory>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "io/files.h"
#include "io/input.h"
#include "nets/svg.h"
#include "tools/report/drawing.h"
#include "tools/report/evidence.h"
#include "tools/verb.h"

namespace limbic {
namespace {

constexpr int most_thumbnails = 12, most_looks = 8;
constexpr double longest_picture_s = 60;  // of a log-mel: more could not be seen

struct Options {
  std::string clip, out, weights, face_weights, detector, sequence_weights;
  bool force = false;
};

constexpr char style[] =
    "body{font:14px/1.45 'DejaVu "
    "Sans',Helvetica,sans-serif;color:#26303a;background:#fbfbf9;max-width:920px;margin:24px auto;padding:0 16px}\n"
    "h1{font-size:22px;margin:0}h2{font-size:16px;margin:28px 0 "
    "6px}svg{font-size:12px;fill:#26303a;max-width:100%;height:auto;display:block}\n"
    "figure{display:inline-block;margin:0 8px 8px 0;vertical-align:top}figcaption{font-size:11px;color:#66707c}\n"
    "table{border-collapse:collapse}td,th{padding:2px 12px 2px 0;text-align:left;vertical-align:top;font-size:12px}\n"
    ".row{display:flex;flex-wrap:wrap;gap:24px}.key span{display:inline-block;margin-right:14px}.key "
    "i{display:inline-block;width:12px;height:12px;margin-right:4px}\n"
    ".looks "
    "img{width:96px;height:96px;image-rendering:pixelated;margin-right:2px}.note{color:#66707c}.warning{color:#a33}\n";

std::string text(const std::string& raw) { return svg_escaped(clean_text(raw)); }

std::string key() {
  std::string html = "<p class=\"key\">";
  for (size_t e = 0; e < emotion_names.size(); ++e)
    html += fmt::format("<span><i style=\"background:{}\"></i>{}</span>", emotion_color(e), emotion_names[e]);
  return html + "</p>\n";
}

/// What the voice says from moment to moment: where windows overlap, their mean.
std::vector<Moment> voice_moments(const VoiceAnswer& voice) {
  std::vector<double> bounds;
  for (const VoiceWindow& w : voice.windows) {
    bounds.push_back(w.start_s);
    bounds.push_back(w.end_s);
  }
  std::sort(bounds.begin(), bounds.end());
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  std::vector<Moment> moments;
  size_t first = 0;  // no window before it reaches this far
  for (const double at : bounds) {
    Moment moment{at, false, {}};
    while (first < voice.windows.size() && voice.windows[first].end_s <= at) ++first;
    double windows = 0;
    for (size_t i = first; i < voice.windows.size() && voice.windows[i].start_s <= at; ++i) {
      if (voice.windows[i].end_s <= at) continue;
      for (size_t e = 0; e < moment.probabilities.size(); ++e)
        moment.probabilities[e] += voice.windows[i].probabilities[e];
      ++windows;
    }
    moment.known = windows > 0;
    for (double& p : moment.probabilities) p /= std::max(1.0, windows);
    moments.push_back(moment);
  }
  return moments;
}

std::vector<Moment> face_moments(const FaceAnswer& face, const FaceModel& model) {
  std::vector<Moment> moments;
  for (const FaceFrame& frame : face.frames) {
    const bool seen = !frame.probabilities.empty();
    moments.push_back({frame.pts_s, seen,
                       seen ? emotion_probabilities(frame.probabilities, model.emotions()) : EmotionProbabilities{}});
  }
  return moments;
}

/// Both at every moment at which either changes; where one is silent, the other.
std::vector<Moment> fused_moments(const std::vector<Moment>& voice, const std::vector<Moment>& face,
                                  const std::array<bool, 8>& face_knows) {
  std::vector<Moment> moments;
  size_t v = 0, f = 0;
  while (v < voice.size() || f < face.size()) {
    const double next_voice = v < voice.size() ? voice[v].start_s : 1e300,
                 next_face = f < face.size() ? face[f].start_s : 1e300;
    const double at = std::min(next_voice, next_face);
    v += next_voice <= at;
    f += next_face <= at;
    const Moment nothing, &says = v > 0 ? voice[v - 1] : nothing, &shows = f > 0 ? face[f - 1] : nothing;
    Moment moment = says.known ? says : shows;
    if (says.known && shows.known) moment.probabilities = fuse(says.probabilities, shows.probabilities, face_knows);
    moment.start_s = at;
    moments.push_back(moment);
  }
  return moments;
}

std::string answer_html(const ClipAnswer& clip) {
  const auto part = [](const char* name, const EmotionProbabilities& p) {
    return fmt::format("<div><h2>{}: {}</h2>\n{}</div>\n", name, label_of(p), bars_svg(p));
  };
  std::string html = "<div class=\"row\">\n";
  if (clip.voice && clip.seen()) html += part("together", clip.probabilities);
  if (clip.voice) html += part("voice", clip.voice->probabilities);
  if (clip.seen()) html += part("face", clip.face->probabilities);
  return html + "</div>\n";
}

std::string thumbnails_html(const Thumbnails& thumbnails) {
  const double scale = 140.0 / std::max(thumbnails.width, thumbnails.height);
  std::string html = "<h2>The clip</h2>\n<div>";
  for (const Thumbnail& t : thumbnails.pictures) {
    html += fmt::format(
        "<figure><img alt=\"frame\" width=\"{:.0f}\" height=\"{:.0f}\" src=\"{}\"><figcaption>{:.2f} "
        "s</figcaption></figure>",
        scale * thumbnails.width, scale * thumbnails.height,
        png_uri(t.pixels.data(), thumbnails.side, thumbnails.side, 3), t.pts_s);
  }
  return html + "</div>\n";
}

std::string looks_html(const FaceEvidence& evidence, const FaceModel& model) {
  const float low = (0 - model.input().mean) / model.input().scale,
              high = (1 - model.input().mean) / model.input().scale;
  const auto picture = [&](const Tensor& t, int64_t channel) {
    const auto bytes = grey_bytes(std::as_const(t).data() + channel, t.dim(0) * t.dim(1), t.dim(2), low, high);
    return fmt::format("<img alt=\"face\" src=\"{}\">",
                       png_uri(bytes.data(), static_cast<int>(t.dim(1)), static_cast<int>(t.dim(0)), 1));
  };
  const bool guided = model.input().guided;
  std::string html = fmt::format(
      "<h2>Where the face net looks</h2>\n<p class=\"note\">{}: each face{}, and what its spatial transformer takes "
      "from it.</p>\n<div class=\"looks\">",
      text(model.name()), guided ? ", its guide" : "");
  for (const Look& look : evidence.looks) {
    html += fmt::format("<figure>{}{}{}<figcaption>{:.2f} s</figcaption></figure>", picture(look.face, 0),
                        guided ? picture(look.face, 1) : "", picture(look.sampled, 0), look.pts_s);
  }
  return html + "</div>\n";
}

// A value of many lines, as a recipe, folded away; strangers' cards may be long.
std::string folded(const std::string& value) {
  constexpr size_t most = 20000;
  std::istringstream lines(value.substr(0, most));
  std::string html =
      fmt::format("<details><summary>{} lines</summary><pre>", std::count(value.begin(), value.end(), '\n'));
  for (std::string line; std::getline(lines, line);) html += text(line) + "\n";
  return html + (value.size() > most ? "...\n" : "") + "</pre></details>";
}

std::string card_html(const std::string& what, const std::string& path, const ModelCard& card) {
  std::string html = fmt::format("<h2>{}</h2>\n<table>", what);
  const auto row = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) html += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", text(name), text(value));
  };
  row("file", path);
  row("net", card.net);
  row("labels", fmt::format("{}", fmt::join(card.labels, ", ")));
  row("front end", card.front_end);
  row("trained on", card.training_data);
  row("measured", card.metrics);
  row("licence", card.licence.empty() ? "the card names none" : card.licence);
  row("SHA-256", card.sha256);
  for (const auto& [name, value] : card.attributes) {
    if (value.find('\n') == std::string::npos) {
      row(name, value.size() > 400 ? value.substr(0, 400) + " ..." : value);
    } else {
      html += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", text(name), folded(value));
    }
  }
  return html + "</table>\n";
}

std::string page(const Options& options, ClipModels& models, const ClipAnswer& clip) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
      "<title>{0}: {1}</title>\n<style>\n{2}</style></head>\n<body>\n<h1>{0}: {1}</h1>\n<p class=\"note\">limbic {3}; "
      "{4:.2f} s",
      text(options.clip), label_of(clip.probabilities), style, LIMBIC_VERSION, clip.duration_s);
  if (clip.face) {
    html += fmt::format("; a face in {} of {} frames, coverage {:.1f} %", clip.face->faces, clip.face->frames.size(),
                        100 * clip.face->coverage(*clip.face));
    if (!models.face->detector.empty()) html += fmt::format(", found by {}", text(models.face->detector));
  }
  html += "</p>\n";
  for (const std::string& warning : clip.warnings) html += fmt::format("<p class=\"warning\">{}</p>\n", text(warning));
  html += answer_html(clip);
  if (clip.face)
    html +=
        thumbnails_html(read_thumbnails(options.clip, static_cast<int64_t>(clip.face->frames.size()), most_thumbnails));

  const std::vector<Moment> voice = clip.voice ? voice_moments(*clip.voice) : std::vector<Moment>{},
                            face = clip.face ? face_moments(*clip.face, *models.face) : std::vector<Moment>{};
  const double end_s =
      std::max({voice.empty() ? 0 : voice.back().start_s, face.empty() ? 0 : face.back().start_s, 1e-3});
  html += "<h2>Emotions over time</h2>\n" + key();
  const auto timeline = [&](const char* name, const std::vector<Moment>& moments) {
    html += fmt::format("<p>{}</p>\n{}", name, timeline_svg(moments, end_s));
  };
  if (clip.voice) timeline("voice", voice);
  if (clip.face) timeline("face (empty: none was found)", face);
  if (clip.voice && clip.seen()) timeline("together", fused_moments(voice, face, models.face->knows()));

  if (clip.voice) {
    double start = 0, end = 0;
    const Tensor map = read_log_mel(options.clip, *models.voice, longest_picture_s, start, end);
    html += fmt::format(
        "<h2>What the voice net hears</h2>\n<p class=\"note\">log-mel {}, {} bands, {:.2f} to {:.2f} s</p>\n<img "
        "alt=\"log-mel spectrogram\" width=\"840\" height=\"180\" style=\"margin-left:40px;max-width:95%\" "
        "src=\"{}\">\n",
        text(models.voice->front_end()), map.dim(1), start, end, log_mel_uri(map, 1200));
  }
  Attention attention;
  if (clip.seen()) {
    const FaceEvidence evidence = watch_faces(options.clip, *models.face, *clip.face, most_looks);
    if (!evidence.looks.empty()) html += looks_html(evidence, *models.face);
    if (!options.sequence_weights.empty()) {
      attention = attend(options.sequence_weights, *models.face, evidence);
      html += fmt::format(
          "<h2>What a sequence net attends to</h2>\n<p class=\"note\">{} over what the face net makes of each face; "
          "its own answer, not a part of the one above: {}</p>\n{}",
          text(attention.net), label_of(attention.probabilities),
          weights_svg(evidence.times, attention.weights, end_s));
    }
  }
  if (anything_stored_in_bf16()) html += "<p class=\"note\">The nets' maps were stored in bf16.</p>\n";
  html += card_html("The voice net", models.voice_path, read_weights(models.voice_path).card);
  if (models.face) html += card_html("The face net", models.face_path, read_weights(models.face_path).card);
  if (!attention.net.empty()) html += card_html("The sequence net", options.sequence_weights, attention.file.card);
  return html + "</body></html>\n";
}

int run(const Program& program, const Options& options) {
  refuse_overwrite(options.out, options.force);
  ClipModels models = load_clip_models(options.weights, options.face_weights);
  use_face_detector(models, options.detector);
  if (!options.sequence_weights.empty())
    read_weights(options.sequence_weights);  // what is no file is told before the work
  ClipAnswer clip = answer_clip(options.clip, models);
  if (!options.sequence_weights.empty() && !clip.seen())
    clip.warnings.push_back(fmt::format("{}: no face, so nothing to attend to", options.sequence_weights));
  for (const std::string& warning : models.voice->warnings())
    print_note(program, fmt::format("warning: {}: {}", models.voice_path, warning));
  if (models.face) {
    for (const std::string& warning : models.face->warnings())
      print_note(program, fmt::format("warning: {}: {}", models.face_path, warning));
  }
  for (const std::string& warning : clip.warnings)
    print_note(program, fmt::format("warning: {}: {}", clean_text(options.clip), warning));
  write_file(options.out, page(options, models, clip), options.force);
  const char* label = label_of(clip.probabilities);
  if (program.json) {
    print_json({{"schema", "limbic.report/1"},
                {"input", options.clip},
                {"label", label},
                {"report", options.out},
                {"warnings", clip.warnings}});
  } else {
    fmt::print("{}: {}; {}\n", clean_text(options.clip), label, clean_text(options.out));
  }
  return 0;
}

}  // namespace

void add_report(Program& program) {
  auto options = std::make_shared<Options>();
  CLI::App* sub =
      program.verb("report", "one page about a clip: what was seen and heard, when, and why",
                   "  limbic report clip.mp4 -o report.html\n"
                   "  limbic report clip.mp4 -o report.html --face-weights face.h5 --sequence-weights sequence.h5");
  sub->add_option("clip", options->clip, "any container FFmpeg reads")->required();
  sub->add_option("-o,--out", options->out, "the page (HTML): complete in itself, without scripts")->required();
  sub->add_option("--weights,--voice-weights", options->weights,
                  "the voice net (default: the shipped weights/voice.h5)");
  sub->add_option("--face-weights", options->face_weights, "the face net (default: the shipped weights/face.h5)");
  sub->add_option("--face-detector", options->detector,
                  "YuNet as an ONNX file, which finds the faces instead of OpenCV's packaged cascade");
  sub->add_option("--sequence-weights", options->sequence_weights,
                  "a bilstm-attention over the face net's embeddings: draws its attention");
  sub->add_flag("--force", options->force, "replace the page");
  sub->callback([&program, options] { program.run = [&program, options] { return run(program, *options); }; });
}

}  // namespace limbic
