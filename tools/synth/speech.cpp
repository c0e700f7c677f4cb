// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/speech.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/random.h"
#include "kernels/portable_math.h"

namespace limbic {
namespace {

constexpr double pause_s = 0.25;  // before and behind the sentence
constexpr int step = speech_rate / 100;

double power_of_two(double x) { return portable_exp(x * 0.6931471805599453); }
double decibels(double db) { return portable_exp(db * 0.1151292546497023); }

/// A sound of the sentence: its resonances, how long it lasts, and how much of it is voice and how much noise.
struct Phoneme {
  double f1, f2, f3;  // Hz, of a man
  double ms, voice, noise, noise_hz;
  bool vowel() const { return voice == 1; }
};

// Vowels after Peterson and Barney 1952 (men); the rest by ear.
constexpr Phoneme ih = {390, 1990, 2550, 90, 1, 0, 0}, ah = {640, 1190, 2390, 70, 1, 0, 0},
                  ao = {570, 840, 2410, 150, 1, 0, 0}, ay1 = {730, 1090, 2440, 100, 1, 0, 0},
                  ay2 = {300, 2200, 2900, 80, 1, 0, 0}, er = {490, 1350, 1690, 80, 1, 0, 0},
                  ng = {280, 1900, 2500, 80, 0.35, 0, 0}, dh = {300, 1400, 2500, 40, 0.3, 0.05, 4000},
                  z = {300, 1700, 2500, 80, 0.25, 0.12, 5500}, s = {300, 1700, 2500, 110, 0, 0.25, 6000},
                  closed = {250, 1500, 2500, 50, 0.02, 0, 0}, burst_k = {400, 1900, 2500, 25, 0, 0.3, 1900},
                  burst_d = {300, 1700, 2600, 15, 0.2, 0.25, 3500}, burst_t = {300, 1700, 2600, 30, 0, 0.3, 4500},
                  burst_b = {300, 900, 2300, 12, 0.3, 0.2, 900};

const std::vector<Phoneme>& sentence_of(int sentence) {
  static const std::vector<Phoneme> kids = {closed,  burst_k, ih,     closed,  burst_d, z,  ah,     er,      closed,
                                            burst_t, ao,      closed, burst_k, ih,      ng, closed, burst_b, ay1,
                                            ay2,     dh,      ah,     closed,  burst_d, ao, er};
  static const std::vector<Phoneme> dogs = {closed, burst_d, ao,     closed,  burst_k, z,       ah,     er,
                                            s,      ih,      closed, burst_t, ih,      ng,      closed, burst_b,
                                            ay1,    ay2,     dh,     ah,      closed,  burst_d, ao,     er};
  return sentence == 0 ? kids : dogs;
}

/// What an emotion does to a voice.
struct Manner {
  double pitch;       // times the actor's own
  double swing, end;  // semitones: up on each stressed vowel, and from the middle to the end of the sentence
  double pace;        // times the usual
  double loudness_db;
  double brightness;              // 0 to 1: how little the high harmonics are damped
  double jitter, breath, tremor;  // shares: irregular periods, noise in the voice, a shaking pitch
};
constexpr std::array<Manner, 8> manners = {{
    {1.00, 2.0, -2, 1.00, 0, 0.50, 0.005, 0.03, 0},      // neutral
    {0.94, 1.2, -3, 0.84, -4, 0.30, 0.004, 0.06, 0},     // calm
    {1.30, 6.0, 2, 1.10, 3, 0.75, 0.008, 0.02, 0},       // happy
    {0.90, 1.2, -4, 0.74, -7, 0.18, 0.015, 0.10, 0.01},  // sad
    {1.25, 5.0, -5, 1.16, 7, 1.00, 0.025, 0.01, 0},      // angry
    {1.52, 3.0, 1, 1.28, 1, 0.60, 0.020, 0.08, 0.05},    // fearful
    {0.88, 3.0, -6, 0.86, 0, 0.45, 0.035, 0.04, 0},      // disgust
    {1.45, 8.0, 9, 1.05, 4, 0.70, 0.008, 0.03, 0},       // surprised
}};

/// The actor's own voice, with the little that differs from take to take.
struct Voice {
  double pitch, tract;  // Hz; times a man's resonances
  Manner manner;
};
Voice voice_of(uint64_t seed, int actor, int emotion, int sentence, int take) {
  const bool man = actor % 2 == 1;
  Random own(seed, static_cast<uint64_t>(actor));
  Voice voice;
  voice.pitch = man ? own.uniform(100, 135) : own.uniform(180, 230);
  voice.tract = man ? own.uniform(0.94f, 1.05f) : own.uniform(1.11f, 1.22f);
  voice.manner = manners[static_cast<size_t>(emotion)];
  Random now(seed, 1000 + static_cast<uint64_t>(((actor * 8 + emotion) * 2 + sentence) * 100 + take));
  Manner& m = voice.manner;
  for (double* share : {&m.pitch, &m.swing, &m.pace, &m.breath, &m.jitter}) *share *= now.uniform(0.92f, 1.08f);
  m.loudness_db += now.uniform(-1.5f, 1.5f);
  m.end += now.uniform(-1, 1);
  m.brightness = std::min(1.0, m.brightness * now.uniform(0.9f, 1.1f));
  return voice;
}

/// Two poles; keeps its state while its frequency moves.
class Resonator {
 public:
  void tune(double hz, double bandwidth) {
    const double turns = std::min(hz, 0.47 * speech_rate) / speech_rate,
                 r = portable_exp(-3.141592653589793 * bandwidth / speech_rate);
    c_ = -r * r;
    b_ = 2 * r * portable_sincos(turns).cos;
    a_ = 1 - b_ - c_;
  }
  double operator()(double x) {
    const double y = a_ * x + b_ * y1_ + c_ * y2_;
    y2_ = y1_;
    return y1_ = y;
  }

 private:
  double a_ = 1, b_ = 0, c_ = 0, y1_ = 0, y2_ = 0;
};

/// One control value a hundredth of a second: where the mouth is, and how high and loud the voice.
struct Control {
  double f1, f2, f3, voice, noise, noise_hz, pitch;
};

std::vector<Control> controls_of(const Voice& voice, int sentence) {
  const Manner& m = voice.manner;
  std::vector<Control> controls;
  const auto& phonemes = sentence_of(sentence);
  int vowels = 0;
  for (const Phoneme& p : phonemes) {
    const int steps = std::max(1, static_cast<int>(std::lround((p.vowel() ? 1.25 : 1.0) * p.ms / m.pace / 10)));
    const bool stressed = p.vowel() && vowels % 3 == 0;  // about the words' own stresses
    vowels += p.vowel();
    for (int i = 0; i < steps; ++i) {
      const double bump = stressed ? 0.5 - 0.5 * portable_sincos((i + 0.5) / steps).cos : 0;
      controls.push_back(
          {p.f1 * voice.tract, p.f2 * voice.tract, p.f3 * voice.tract, p.voice, p.noise, p.noise_hz, m.swing * bump});
    }
  }
  const auto count = static_cast<double>(controls.size());
  Control mouth = controls[0];  // moves towards what it is told, never at once
  double pitch = 0;
  for (size_t i = 0; i < controls.size(); ++i) {
    Control& c = controls[i];
    const double at = static_cast<double>(i) / count;
    const double line = 1.5 * (0.5 - at) + m.end * std::max(0.0, 2 * at - 1);
    pitch += 0.35 * (c.pitch + line - pitch);
    const auto towards = [](double& value, double& wanted, double share) {
      wanted = value += share * (wanted - value);
    };
    towards(mouth.f1, c.f1, 0.45);
    towards(mouth.f2, c.f2, 0.45);
    towards(mouth.f3, c.f3, 0.45);
    towards(mouth.voice, c.voice, 0.6);
    const double shaking = m.tremor * portable_sincos(6.5 * static_cast<double>(i) / 100).sin;
    c.pitch = voice.pitch * m.pitch * power_of_two(pitch / 12) * (1 + shaking);
  }
  return controls;
}

std::vector<double> sound_of(const Voice& voice, const std::vector<Control>& controls, Random& random) {
  const Manner& m = voice.manner;
  std::array<Resonator, 4> formants;
  Resonator hiss;
  std::vector<double> sound;
  double phase = 0, period = 1, damped = 0;
  for (const Control& c : controls) {
    formants[0].tune(c.f1, 70);
    formants[1].tune(c.f2, 90);
    formants[2].tune(c.f3, 140);
    formants[3].tune(3500 * voice.tract, 250);
    hiss.tune(std::max(c.noise_hz, 500.0), 1500);
    for (int i = 0; i < step; ++i) {
      phase += c.pitch * period / speech_rate;
      if (phase >= 1) {
        phase -= 1;
        period = 1 + m.jitter * random.normal();
      }
      const double u = phase / 0.6;  // the glottis is open for the first 60 % of a period
      const double pulse = u < 1 ? 2 * u - 3 * u * u : 0, noise = random.normal();
      damped += (0.12 + 0.88 * m.brightness) * (pulse - damped);
      double y = c.voice * (damped + m.breath * noise * (u < 1 ? 1 : 0.3));
      for (Resonator& formant : formants) y = formant(y);
      sound.push_back(y + c.noise * hiss(noise));
    }
  }
  return sound;
}

}  // namespace

Speech speak(uint64_t seed, int actor, int emotion, int sentence, int take) {
  const Voice voice = voice_of(seed, actor, emotion, sentence, take);
  const std::vector<Control> controls = controls_of(voice, sentence);
  Random random(seed, 5000000 + static_cast<uint64_t>(((actor * 8 + emotion) * 2 + sentence) * 100 + take));
  const std::vector<double> sound = sound_of(voice, controls, random);
  double power = 0;
  for (const double v : sound) power += v * v;
  const double gain = 0.06 * decibels(voice.manner.loudness_db) / std::sqrt(power / static_cast<double>(sound.size()));

  Speech speech;
  const auto pause = static_cast<size_t>(pause_s * speech_rate);
  for (size_t i = 0; i < sound.size() + 2 * pause; ++i) {
    const double v = i < pause || i >= pause + sound.size() ? 0 : gain * sound[i - pause];
    speech.samples.push_back(
        static_cast<int16_t>(std::lround(32767 * std::clamp(v + 1e-4 * random.normal(), -0.99, 0.99))));
  }
  speech.opening.assign(pause / step, 0);
  for (const Control& c : controls) speech.opening.push_back(static_cast<float>(c.voice * std::min(1.0, c.f1 / 700)));
  speech.opening.resize(speech.opening.size() + pause / step, 0);
  return speech;
}

}  // namespace limbic
