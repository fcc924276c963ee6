// What works number by number: activations, dropout, sums of branches; and batch norm and the loss.
// Activations run backward in place: g holds the gradient of the output before, of the input after.
#pragma once
#include "lanes.h"

template <class F>
inline Lanes each(Lanes x, F f) {
  for (int l = 0; l < LANES; l++) x[l] = f(x[l]);
  return x;
}

struct Relu {
  static Lanes of(Lanes x) { return x < 0.f ? Lanes{} : x; }
  static Lanes slope(Lanes, Lanes y) { return y > 0.f ? all(1.f) : Lanes{}; }
};

// The slope below zero comes in millionths, as a template takes whole numbers only.
template <int64_t MILLIONTHS>
struct Leaky {
  static constexpr float SLOPE = MILLIONTHS * 1e-6;
  static Lanes of(Lanes x) { return x > 0.f ? x : x * SLOPE; }
  static Lanes slope(Lanes x, Lanes) { return x > 0.f ? all(1.f) : all(SLOPE); }
};

struct Abs {
  static Lanes of(Lanes x) { return x < 0.f ? -x : x; }
  static Lanes slope(Lanes x, Lanes) { return x > 0.f ? all(1.f) : x < 0.f ? all(-1.f) : Lanes{}; }
};

struct Tanh {
  static Lanes of(Lanes x) {
    return each(x, [](float v) { return std::tanh(v); });
  }
  static Lanes slope(Lanes, Lanes y) { return 1.f - y * y; }
};

// x times the normal distribution's share below x.
struct Gelu {
  static Lanes share(Lanes x) {
    return each(x, [](float v) { return .5f + .5f * std::erf(v * .70710678f); });
  }
  static Lanes of(Lanes x) { return x * share(x); }
  static Lanes slope(Lanes x, Lanes) { return share(x) + x * exponential(-.5f * x * x) * .39894228f; }
};

template <class Function, int N>
struct Activation {
  static void forward(const Lanes* x, Lanes* y) {
    for (int i = 0; i < N; i++) y[i] = Function::of(x[i]);
  }
  static void backward(const Lanes* x, const Lanes* y, Lanes* g) {
    for (int i = 0; i < N; i++) g[i] *= Function::slope(x[i], y[i]);
  }
};

// Drops numbers by a hash of where they stand; the backward pass asks the same hash again.
template <int N, int64_t MILLIONTHS>
struct Dropout {
  static void pass(const Lanes* x, Lanes* y, uint64_t key, int first) {
    constexpr float KEPT = 1 - MILLIONTHS * 1e-6, MORE = 1 / KEPT;
    for (int i = 0; i < N; i++) {
      Words place;
      for (int l = 0; l < LANES; l++) place[l] = (first + l) * uint32_t(N) + i;
      const Words bits = mixed(mixed(place ^ uint32_t(key)) + uint32_t(key >> 32));
      const Lanes uniform = __builtin_convertvector(Ints(bits >> 8), Lanes) * 0x1p-24f;
      y[i] = uniform < KEPT ? x[i] * MORE : Lanes{};
    }
  }
};

template <int N>
inline void add(const Lanes* a, const Lanes* b, Lanes* y) {
  for (int i = 0; i < N; i++) y[i] = a[i] + b[i];
}

// Batch normalisation of C channels of N numbers each. A block measures itself, all blocks are merged in their order,
// and every thread makes the same of them. Source: Ioffe and Szegedy 2015; merging by Chan, Golub and LeVeque 1983.
template <int C, int N>
struct BatchNorm {
  struct Part {  // of one block
    int images;
    float mean[C], squares[C], gradient[C], product[C];
  };
  struct Whole {  // of the batch
    float mean[C], inverse[C], gradient[C], product[C];
  };
  static constexpr float EPSILON = 1e-5f, MOMENTUM = .1f;

  static Lanes alive(int images) {
    Lanes mask{};
    for (int l = 0; l < images; l++) mask[l] = 1;
    return mask;
  }

  // Each image's numbers are counted from its first one, so that no digits are lost in the squares of one pass.
  static void measure(const Lanes* x, int images, Part& part) {
    part.images = images;
    for (int c = 0; c < C; c++) {
      const Lanes from = x[c * N];
      Lanes total{}, squares{};
      for (int i = 0; i < N; i++) {
        const Lanes away = x[c * N + i] - from;
        total += away;
        squares += away * away;
      }
      squares -= total * total * (1.f / N);
      const Lanes means = from + total * (1.f / N), mask = alive(images);
      const float mean = part.mean[c] = sum(means * mask) / images;
      part.squares[c] = sum((squares + (means - mean) * (means - mean) * float(N)) * mask);
    }
  }

  template <class PartOf>
  static void merge(PartOf part, int blocks, Whole& whole, float* running) {
    for (int c = 0; c < C; c++) {
      double n = 0, mean = 0, squares = 0;
      for (int b = 0; b < blocks; b++) {
        const double m = part(b).images * double(N), away = part(b).mean[c] - mean;
        mean += away * m / (n + m);
        squares += part(b).squares[c] + away * away * n * m / (n + m);
        n += m;
      }
      whole.mean[c] = mean;
      whole.inverse[c] = 1 / std::sqrt(squares / n + EPSILON);
      if (running) {
        running[c] += MOMENTUM * (float(mean) - running[c]);
        running[C + c] += MOMENTUM * (float(squares / (n - 1)) - running[C + c]);
      }
    }
  }

  static void forward(const Lanes* x, const float* gamma, const float* beta, const Whole& whole, Lanes* y) {
    for (int c = 0; c < C; c++) {
      const float scale = gamma[c] * whole.inverse[c];
      for (int i = 0; i < N; i++) y[c * N + i] = (x[c * N + i] - whole.mean[c]) * scale + beta[c];
    }
  }

  static void infer(const Lanes* x, const float* gamma, const float* beta, const float* running, Lanes* y) {
    Whole whole;
    for (int c = 0; c < C; c++) {
      whole.mean[c] = running[c];
      whole.inverse[c] = 1 / std::sqrt(running[C + c] + EPSILON);
    }
    forward(x, gamma, beta, whole, y);
  }

  // The two sums over the batch that the gradient of the input asks for. Dead lanes have no gradient yet.
  static void measure_gradient(const Lanes* x, const Lanes* g, const Whole& whole, Part& part) {
    for (int c = 0; c < C; c++) {
      Lanes gradient{}, product{};
      for (int i = 0; i < N; i++) {
        gradient += g[c * N + i];
        product += g[c * N + i] * (x[c * N + i] - whole.mean[c]);
      }
      part.gradient[c] = sum(gradient);
      part.product[c] = sum(product) * whole.inverse[c];
    }
  }

  template <class PartOf>
  static void merge_gradient(PartOf part, int blocks, Whole& whole, float* dgamma, float* dbeta) {
    double n = 0;
    for (int b = 0; b < blocks; b++) n += part(b).images * double(N);
    for (int c = 0; c < C; c++) {
      double gradient = 0, product = 0;
      for (int b = 0; b < blocks; b++) {
        gradient += part(b).gradient[c];
        product += part(b).product[c];
      }
      if (dgamma) {
        dgamma[c] += product;
        dbeta[c] += gradient;
      }
      whole.gradient[c] = gradient / n;
      whole.product[c] = product / n;
    }
  }

  static void backward(const Lanes* x, const float* gamma, const Whole& whole, int images, Lanes* g) {
    const Lanes mask = alive(images);
    for (int c = 0; c < C; c++) {
      const float scale = gamma[c] * whole.inverse[c], slope = whole.product[c] * whole.inverse[c];
      for (int i = 0; i < N; i++)
        g[c * N + i] = (g[c * N + i] - whole.gradient[c] - (x[c * N + i] - whole.mean[c]) * slope) * scale * mask;
    }
  }
};

// Soft-max cross-entropy of K logits: the loss of each image, and the gradient, `share` times that of the loss.
template <int K>
inline Lanes cross_entropy(const Lanes* logits, const int64_t* labels, Lanes share, Lanes* g) {
  Lanes most = logits[0], total{};
  for (int k = 1; k < K; k++) most = larger(logits[k], most);
  for (int k = 0; k < K; k++) total += g[k] = exponential(logits[k] - most);
  const Lanes factor = share / total;
  for (int k = 0; k < K; k++) g[k] *= factor;
  Lanes loss = most + each(total, [](float v) { return std::log(v); });
  for (int l = 0; l < LANES; l++) {
    loss[l] -= logits[labels[l]][l];
    g[labels[l]][l] -= share[l];
  }
  return loss;
}

// The most probable of K classes, the first of equals.
template <int K>
inline Ints answers(const Lanes* logits) {
  Lanes most = logits[0];
  Ints best{};
  for (int k = 1; k < K; k++) {
    const Ints more = logits[k] > most;
    most = more ? logits[k] : most;
    best = more ? Ints{} + k : best;
  }
  return best;
}
