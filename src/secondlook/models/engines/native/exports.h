// What the caller sees of the generated net.
#pragma once
#include "trainer.h"

using Engine = Trainer<Net>;

#pragma GCC visibility push(default)
extern "C" {
void* engine_create(int32_t threads) { return new Engine(threads); }
void engine_destroy(void* engine) { delete static_cast<Engine*>(engine); }

double engine_steps(void* engine, const Pixels* pixels, Model* model, const Optimiser* optimiser, const int64_t* order,
                    int64_t n, int64_t batch, const double* rates, int64_t done, uint64_t seed) {
  return static_cast<Engine*>(engine)->steps(*pixels, *model, *optimiser, order, n, batch, rates, done, seed);
}
double engine_gradient(void* engine, const Pixels* pixels, Model* model, const int64_t* items, int64_t n, int64_t done,
                       uint64_t seed, float* out) {
  return static_cast<Engine*>(engine)->gradient(*pixels, *model, items, n, done, seed, out);
}
void engine_evaluate(void* engine, const Pixels* pixels, Model* model, const int64_t* items, int64_t n, Measured* out) {
  *out = static_cast<Engine*>(engine)->evaluate(*pixels, *model, items, n);
}
void engine_logits(void* engine, const Pixels* pixels, Model* model, const int64_t* items, int64_t n, float* out) {
  static_cast<Engine*>(engine)->logits(*pixels, *model, items, n, out);
}
}
#pragma GCC visibility pop
