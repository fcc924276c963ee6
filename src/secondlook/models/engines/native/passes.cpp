// Passes over PyTorch's tensors that are slow as several of its own: pixels to standardised images; and max pooling of
// separate K x K windows with the leaky activation after it. Maps are channels last, and the lanes are channels here.
#include <thread>
#include <vector>

#include "lanes.h"

typedef uint16_t Halves __attribute__((vector_size(LANES * 2)));  // bfloat16: the upper halves of floats
typedef uint8_t Bytes __attribute__((vector_size(LANES)));
// Which number of a window was the largest is kept in a byte, with a bit for a largest one that is not above zero.
constexpr int NOT_ABOVE = 128;

template <class V>
inline V at(const void* place) {
  V v;
  std::memcpy(&v, place, sizeof v);
  return v;
}
template <class V>
inline void put(void* place, V v) {
  std::memcpy(place, &v, sizeof v);
}

inline Lanes load(const float* from) { return at<Lanes>(from); }
inline void store(float* to, Lanes v) { put(to, v); }
inline Lanes load(const uint16_t* from) { return (Lanes)(__builtin_convertvector(at<Halves>(from), Words) << 16); }
// Rounded to nearest, ties to even, as PyTorch does.
inline void store(uint16_t* to, Lanes v) {
  const Words whole = (Words)v;
  put(to, __builtin_convertvector((whole + 0x7fff + ((whole >> 16) & 1)) >> 16, Halves));
}

struct Maps {  // n images of h x w, c channels in a row; windows of k x k
  int64_t n, h, w, c, k;
};

// Calls f(window, result) with the places of their first channels, for the windows of some images.
template <class F>
inline void windows(const Maps& m, int64_t first, int64_t last, F f) {
  const int64_t ho = m.h / m.k, wo = m.w / m.k;
  for (int64_t image = first; image < last; image++)
    for (int64_t i = 0; i < ho; i++)
      for (int64_t j = 0; j < wo; j++)
        f(((image * m.h + i * m.k) * m.w + j * m.k) * m.c, ((image * ho + i) * wo + j) * m.c);
}

template <class T>
void forward(const T* x, const Maps& m, float slope, T* y, uint8_t* which, int64_t first, int64_t last) {
  windows(m, first, last, [&](int64_t window, int64_t result) {
    for (int64_t c = 0; c < m.c; c += LANES) {
      Lanes most = load(x + window + c);
      Ints from{};
      for (int64_t a = 0, t = 0; a < m.k; a++)
        for (int64_t d = 0; d < m.k; d++, t++) {
          const Lanes value = load(x + window + (a * m.w + d) * m.c + c);
          const Ints more = (value > most) | (value != value);  // as PyTorch: not a number stays one
          most = more ? value : most;
          from = more ? Ints{} + int32_t(t) : from;
        }
      const Ints above = most > 0.f;
      store(y + result + c, above ? most : most * slope);
      put(which + result + c, __builtin_convertvector(above ? from : from | NOT_ABOVE, Bytes));
    }
  });
}

template <class T>
void backward(const T* g, const uint8_t* which, const Maps& m, float slope, T* dx, int64_t first, int64_t last) {
  const int64_t image = m.h * m.w * m.c;
  if (m.h % m.k || m.w % m.k) std::memset(dx + first * image, 0, sizeof(T) * (last - first) * image);
  windows(m, first, last, [&](int64_t window, int64_t result) {
    for (int64_t c = 0; c < m.c; c += LANES) {
      const Ints from = __builtin_convertvector(at<Bytes>(which + result + c), Ints);
      const Lanes given = load(g + result + c), passed = from >= NOT_ABOVE ? given * slope : given;
      const Ints place = from & (NOT_ABOVE - 1);
      for (int64_t a = 0, t = 0; a < m.k; a++)
        for (int64_t d = 0; d < m.k; d++, t++)
          store(dx + window + (a * m.w + d) * m.c + c, place == int32_t(t) ? passed : Lanes{});
    }
  });
}

// (pixel - mean) / scale of some of the images: `size` numbers each, c channels in turn.
template <class T>
void standardise(const uint8_t* pixels, const int64_t* items, int64_t size, int64_t c, const float* mean,
                 const float* scale, T* out, int64_t first, int64_t last) {
  std::vector<float> means(c * LANES), scales(c * LANES);  // as many as are taken until the channels come round
  for (int64_t i = 0; i < c * LANES; i++) means[i] = mean[i % c], scales[i] = scale[i % c];
  std::vector<float> row((size / LANES + 1) * LANES);
  for (int64_t image = first; image < last; image++) {
    const uint8_t* from = pixels + items[image] * size;
    T* to = out + image * size;
    for (int64_t i = 0; i < size; i++) row[i] = from[i];
    int64_t i = 0;
    for (int64_t turn = 0; i + LANES <= size; i += LANES, turn = turn + 1 == c ? 0 : turn + 1)
      store(to + i, (load(&row[i]) - load(&means[turn * LANES])) / load(&scales[turn * LANES]));
    T rest[LANES];
    const int64_t turn = i / LANES % c;
    store(rest, (load(&row[i]) - load(&means[turn * LANES])) / load(&scales[turn * LANES]));
    std::memcpy(to + i, rest, sizeof(T) * (size - i));
  }
}

// Calls f(first, last) for the images of each thread.
template <class F>
void shared(int64_t n, int32_t threads, F f) {
  std::vector<std::thread> others;
  for (int t = 1; t < threads; t++) others.emplace_back(f, n * t / threads, n * (t + 1) / threads);
  f(int64_t(0), n / threads);
  for (auto& other : others) other.join();
}

#pragma GCC visibility push(default)
extern "C" {
void standardise_pixels(int32_t half, const uint8_t* pixels, const int64_t* items, int64_t n, int64_t size, int64_t c,
                        const float* mean, const float* scale, void* out, int32_t threads) {
  shared(n, threads, [=](int64_t first, int64_t last) {
    if (half) standardise(pixels, items, size, c, mean, scale, (uint16_t*)out, first, last);
    else standardise(pixels, items, size, c, mean, scale, (float*)out, first, last);
  });
}
int32_t pool_lanes() { return LANES; }
void pool_forward(int32_t half, const void* x, const Maps* m, float slope, void* y, uint8_t* which, int32_t threads) {
  shared(m->n, threads, [=](int64_t first, int64_t last) {
    if (half) forward((const uint16_t*)x, *m, slope, (uint16_t*)y, which, first, last);
    else forward((const float*)x, *m, slope, (float*)y, which, first, last);
  });
}
void pool_backward(int32_t half, const void* g, const uint8_t* which, const Maps* m, float slope, void* dx,
                   int32_t threads) {
  shared(m->n, threads, [=](int64_t first, int64_t last) {
    if (half) backward((const uint16_t*)g, which, *m, slope, (uint16_t*)dx, first, last);
    else backward((const float*)g, which, *m, slope, (float*)dx, first, last);
  });
}
}
#pragma GCC visibility pop
