// What the caller sees of the generated net.
#pragma once
#include "trainer.h"

using Engine = Trainer<Net>;

template <class F>
inline bool tried(F f) {
  try {
    f();
    return true;
  } catch (...) {
    return false;
  }
}

#pragma GCC visibility push(default)
extern "C" {
// All return whether it could be done: memory or threads may not be had, and no exception must reach the caller.
bool engine_create(int32_t threads, Engine** engine) {
  return tried([&] { *engine = new Engine(threads); });
}
void engine_destroy(Engine* engine) { delete engine; }

bool engine_steps(Engine* engine, const Pixels* pixels, Model* model, const Optimiser* optimiser, const int64_t* order,
                  int64_t n, int64_t batch, const double* rates, int64_t done, uint64_t seed, double* loss) {
  return tried([&] { *loss = engine->steps(*pixels, *model, *optimiser, order, n, batch, rates, done, seed); });
}
bool engine_gradient(Engine* engine, const Pixels* pixels, Model* model, const int64_t* items, int64_t n, int64_t done,
                     uint64_t seed, float* out, double* loss) {
  return tried([&] { *loss = engine->gradient(*pixels, *model, items, n, done, seed, out); });
}
bool engine_evaluate(Engine* engine, const Pixels* pixels, Model* model, const int64_t* items, int64_t n, Measured* out) {
  return tried([&] { *out = engine->evaluate(*pixels, *model, items, n); });
}
bool engine_logits(Engine* engine, const Pixels* pixels, Model* model, const int64_t* items, int64_t n, float* out) {
  return tried([&] { engine->logits(*pixels, *model, items, n, out); });
}
}
#pragma GCC visibility pop
