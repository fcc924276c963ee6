// Steps, evaluation and prediction of any generated `Net`: blocks of images go to threads, each thread sums its own
// gradients, and all of them take the optimiser's step, a slice of the weights each. The same number of threads gives the
// same bits.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "pointwise.h"
#include "team.h"

// How the caller describes its work; `engine.py` has the same structures.
struct Pixels {
  const void* values;  // (n, h, w, c), uint8 or float32
  int32_t floats;
  const float *mean, *inverse;  // per channel
  const int64_t* labels;
  const float* weights;  // of the images, or null
};
struct Model {
  float *weights, *running, *first, *second;  // the optimiser's moments
};
struct Optimiser {
  int32_t kind;  // 0 Adam, 1 AdamW, 2 SGD with Nesterov's momentum
  float decay, momentum;
};
struct Measured {
  double loss, weighted, weight, right;
};

// Puts images side by side, standardised: from (h, w, c) of each to [channel][row][column] of all.
template <class Net, class T>
inline void gather(const Pixels& pixels, const int64_t* items, int images, Lanes* x) {
  constexpr int C = Net::CHANNELS, D = Net::CHANNELS * Net::HEIGHT * Net::WIDTH, CHUNKS = (D + LANES - 1) / LANES;
  static thread_local Lanes rows[LANES][CHUNKS];
  for (int l = 0; l < LANES; l++) {
    const T* image = static_cast<const T*>(pixels.values) + items[l < images ? l : 0] * D;
    float* row = reinterpret_cast<float*>(rows[l]);
    for (int i = 0; i < D; i++) row[i] = image[i];
  }
  float mean[C], inverse[C];
  std::copy_n(pixels.mean, C, mean);
  std::copy_n(pixels.inverse, C, inverse);
  tiles<D, LANES>([&](int at, auto size) {
    Lanes v[LANES];
    UNROLLED for (int l = 0; l < LANES; l++) v[l] = rows[l][at / LANES];
    transpose(v);
    UNROLLED for (int i = 0; i < decltype(size)::value; i++) {
      const int c = (at + i) % C;
      x[c * (D / C) + (at + i) / C] = (v[i] - mean[c]) * inverse[c];
    }
  });
}

// What all blocks of a step share.
template <class Block>
struct Step {
  const Pixels& pixels;
  Model& model;
  Block* const* blocks;
  const int64_t* items = nullptr;
  int64_t images = 0;
  uint64_t seed = 0;

  int64_t many() const { return (images + LANES - 1) / LANES; }
  int alive(int64_t k) const { return std::min<int64_t>(LANES, images - k * LANES); }
};

template <class Net>
inline void take(const Pixels& pixels, const int64_t* items, int images, Lanes* x) {
  if (pixels.floats) gather<Net, float>(pixels, items, images, x);
  else gather<Net, uint8_t>(pixels, items, images, x);
}

// The (weighted) loss of block k summed, and the gradient of the step's mean loss by its logits.
template <int K, class Block>
inline double learn(const Step<Block>& step, int64_t k, const Lanes* logits, Lanes* g) {
  const int64_t* items = step.items + k * LANES;
  int64_t labels[LANES];
  Lanes weights{};
  for (int l = 0; l < LANES; l++) labels[l] = step.pixels.labels[items[l < step.alive(k) ? l : 0]];
  for (int l = 0; l < step.alive(k); l++) weights[l] = step.pixels.weights ? step.pixels.weights[items[l]] : 1;
  return sum(weights * cross_entropy<K>(logits, labels, weights / float(step.images), g));
}

template <class Net>
class Trainer {
 public:
  explicit Trainer(int threads) : team(threads), workers(threads) {
    for (auto& worker : workers) worker.reset(new Worker());
  }

  // Steps over `order`, `batch` items at a time; returns the sum of the (weighted) losses of all items.
  double steps(const Pixels& pixels, Model& model, const Optimiser& optimiser, const int64_t* order, int64_t n,
               int64_t batch, const double* rates, int64_t done, uint64_t seed) {
    reserve((std::min(n, batch) + LANES - 1) / LANES);
    team.run([&](int t) {
      Worker& me = *workers[t];
      me.loss = 0;
      Step<Block> pass{pixels, model, blocks.data()};
      for (int64_t at = 0; at < n; at += batch) {
        const int64_t step = done + at / batch;
        pass.items = order + at;
        pass.images = std::min(batch, n - at);
        pass.seed = mix(seed + step);
        Net::train(pass, me, t, team);
        team.meet();
        update(model, optimiser, rates[at / batch], step + 1, t);
        team.meet();
      }
    });
    double total = 0;
    for (auto& worker : workers) total += worker->loss;
    return total;
  }

  // The loss and the gradient of one batch, PARAMETERS numbers, without a step: for tests.
  double gradient(const Pixels& pixels, Model& model, const int64_t* items, int64_t n, int64_t done, uint64_t seed,
                  float* out) {
    reserve((n + LANES - 1) / LANES);
    team.run([&](int t) {
      workers[t]->loss = 0;
      Net::train(Step<Block>{pixels, model, blocks.data(), items, n, mix(seed + done)}, *workers[t], t, team);
    });
    std::fill_n(out, Net::PARAMETERS, 0.f);
    double loss = 0;
    for (auto& worker : workers) {
      for (int i = 0; i < Net::PARAMETERS; i++) out[i] += worker->gradient[i];
      std::fill_n(worker->gradient, Net::PARAMETERS, 0.f);
      loss += worker->loss;
    }
    return loss / n;
  }

  Measured evaluate(const Pixels& pixels, Model& model, const int64_t* items, int64_t n) {
    each_block(pixels, model, items, n, [&](Worker& me, Block& block, const int64_t* some, int images) {
      int64_t labels[LANES];
      for (int l = 0; l < LANES; l++) labels[l] = pixels.labels[some[l < images ? l : 0]];
      Lanes unused[Net::CLASSES];
      const Lanes loss = cross_entropy<Net::CLASSES>(Net::logits(block), labels, Lanes{}, unused);
      const Ints best = answers<Net::CLASSES>(Net::logits(block));
      for (int l = 0; l < images; l++) {
        const double weight = pixels.weights ? pixels.weights[some[l]] : 1;
        me.measured.loss += loss[l];
        me.measured.weighted += weight * loss[l];
        me.measured.weight += weight;
        me.measured.right += best[l] == labels[l];
      }
    });
    Measured total{};
    for (auto& worker : workers) {
      total.loss += worker->measured.loss;
      total.weighted += worker->measured.weighted;
      total.weight += worker->measured.weight;
      total.right += worker->measured.right;
    }
    return total;
  }

  void logits(const Pixels& pixels, Model& model, const int64_t* items, int64_t n, float* out) {
    each_block(pixels, model, items, n, [&](Worker&, Block& block, const int64_t* some, int images) {
      for (int l = 0; l < images; l++)
        for (int k = 0; k < Net::CLASSES; k++) out[(some - items + l) * Net::CLASSES + k] = Net::logits(block)[k][l];
    });
  }

 private:
  using Block = typename Net::Block;

  struct alignas(64) Worker : Net::Whole {
    alignas(64) float gradient[Net::PARAMETERS] = {};
    double loss = 0;
    Measured measured;
  };

  static uint64_t mix(uint64_t z) {  // splitmix64
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Where batch norm makes all blocks of a batch wait for each other, each needs its own room; else one per thread does.
  void reserve(int64_t batch_blocks) {
    const size_t many = Net::WAITS ? std::max<int64_t>(batch_blocks, team.size) : team.size;
    while (blocks.size() < many) {
      owned.emplace_back(new Block);
      blocks.push_back(owned.back().get());
    }
  }

  template <class F>
  void each_block(const Pixels& pixels, Model& model, const int64_t* items, int64_t n, F f) {
    reserve(1);
    team.run([&](int t) {
      workers[t]->measured = {};
      for (int64_t at = t * LANES; at < n; at += team.size * LANES) {
        const int images = std::min<int64_t>(LANES, n - at);
        take<Net>(pixels, items + at, images, blocks[t]->v0);
        Net::infer(model, *blocks[t]);
        f(*workers[t], *blocks[t], items + at, images);
      }
    });
  }

  // PyTorch's formulas: Kingma and Ba 2015 (Adam), Loshchilov and Hutter 2019 (AdamW), Sutskever et al. 2013 (SGD).
  void update(Model& model, const Optimiser& optimiser, double rate, int64_t step, int t) {
    constexpr int N = Net::PARAMETERS / LANES;
    const int slice = (N + team.size - 1) / team.size, end = std::min(N, (t + 1) * slice);
    const float decay = optimiser.decay, momentum = optimiser.momentum, lr = rate;
    const float one = rate / (1 - std::pow(.9, step)), two = 1 / std::sqrt(1 - std::pow(.999, step));
    const float shrink = optimiser.kind == 1 ? 1 - lr * decay : 1, pull = optimiser.kind == 1 ? 0 : decay;
    for (int i = t * slice; i < end; i++) {
      Lanes w = at(model.weights, i), m = at(model.first, i), g = pull * w;
      for (auto& worker : workers) {
        g += at(worker->gradient, i);
        put(worker->gradient, i, Lanes{});
      }
      if (optimiser.kind == 2) {
        m = step == 1 ? g : momentum * m + g;
        w -= lr * (momentum > 0 ? g + momentum * m : g);
      } else {
        Lanes v = at(model.second, i);
        m += (g - m) * .1f;
        v = .999f * v + .001f * g * g;
        w = w * shrink - one * m / (root(v) * two + 1e-8f);
        put(model.second, i, v);
      }
      put(model.weights, i, w);
      put(model.first, i, m);
    }
  }

  static Lanes at(const float* values, int i) {
    Lanes v;
    std::memcpy(&v, values + i * LANES, sizeof v);
    return v;
  }
  static void put(float* values, int i, Lanes v) { std::memcpy(values + i * LANES, &v, sizeof v); }

  Team team;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::unique_ptr<Block>> owned;
  std::vector<Block*> blocks;
};
