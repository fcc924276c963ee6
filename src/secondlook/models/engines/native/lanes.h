// Images side by side: a Lanes holds the same number of LANES images, so that every loop over pixels and channels
// becomes arithmetic on whole vectors, whatever the size of the image or the number of its channels.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#ifndef LANES
#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8  // one AVX register, two of NEON
#endif
#endif

#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 64")
#endif

typedef float Lanes __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef uint32_t Words __attribute__((vector_size(LANES * 4)));

// Sums that are kept in registers at a time: the machine has 32 vector registers, or 16 without AVX-512.
constexpr int SUMS = LANES == 16 ? 24 : 12;

// The larger one; what is not a number wins, so that a net that diverged does not look well.
inline Lanes larger(Lanes a, Lanes b) { return (a > b) | (a != a) ? a : b; }
inline Lanes all(float value) { return Lanes{} + value; }
inline void clear(Lanes* x, int n) { std::memset(x, 0, sizeof(Lanes) * n); }

// The size of equal tiles, of `most` at most, that cover n: 25 by 16 makes 13 and 12, not 16 and 9.
constexpr int even(int n, int most) { return n <= most ? n : (n + (n + most - 1) / most - 1) / ((n + most - 1) / most); }

// Calls f(start, size) for tiles that cover N; the size is known to the compiler.
template <int N, int Tile, class F>
inline void tiles(F f) {
  for (int at = 0; at + Tile <= N; at += Tile) f(at, std::integral_constant<int, Tile>{});
  if constexpr (N % Tile != 0) f(N - N % Tile, std::integral_constant<int, N % Tile>{});
}

// Lanes I of a, and then of b.
template <int... I, class V>
inline V picked(V a, V b) {
#if __has_builtin(__builtin_shufflevector)
  return __builtin_shufflevector(a, b, I...);
#else  // GCC before 12
  return V{(I < LANES ? a[I % LANES] : b[I % LANES])...};
#endif
}
// Two vectors with the lanes whose number has bit H exchanged: what butterflies are made of.
template <int H, class V, int... I>
inline V lower(V a, V b, std::integer_sequence<int, I...>) {
  return picked<((I & H) ? (I ^ H) + LANES : I)...>(a, b);
}
template <int H, class V, int... I>
inline V upper(V a, V b, std::integer_sequence<int, I...>) {
  return picked<((I & H) ? I + LANES : (I | H))...>(a, b);
}
using Numbers = std::make_integer_sequence<int, LANES>;

// v[i][l] becomes v[l][i].
template <int H = 1, class V>
inline void transpose(V (&v)[LANES]) {
  UNROLLED for (int r = 0; r < LANES; r++) if (!(r & H)) {
    const V a = v[r], b = v[r | H];
    v[r] = lower<H>(a, b, Numbers{});
    v[r | H] = upper<H>(a, b, Numbers{});
  }
  if constexpr (2 * H < LANES) transpose<2 * H>(v);
}

// Lane i of the result is the sum of the lanes of v[i].
template <int H = 1>
inline Lanes sums(Lanes (&v)[LANES]) {
  UNROLLED for (int r = 0; r < LANES; r += 2 * H) v[r] = lower<H>(v[r], v[r + H], Numbers{}) + upper<H>(v[r], v[r + H], Numbers{});
  if constexpr (2 * H < LANES) return sums<2 * H>(v);
  return v[0];
}

inline Lanes root(Lanes x) {
  for (int l = 0; l < LANES; l++) x[l] = std::sqrt(x[l]);
  return x;
}

inline float sum(Lanes v) {
  float total = 0;
  for (int l = 0; l < LANES; l++) total += v[l];
  return total;
}

// out[i] += the sum of the lanes of v[i]; N of them.
template <int N>
inline void add_sums(const Lanes (&v)[N], float* out) {
  tiles<N, LANES>([&](int at, auto size) {
    constexpr int n = decltype(size)::value;
    Lanes some[LANES] = {};
    UNROLLED for (int i = 0; i < n; i++) some[i] = v[at + i];
    const Lanes total = sums(some);
    UNROLLED for (int i = 0; i < n; i++) out[at + i] += total[i];
  });
}

// e^x to 2 units in the last place. Source: Cephes, expf (Moshier).
inline Lanes exponential(Lanes x) {
  x = x > 88.f ? all(88.f) : x;
  x = x < -87.f ? all(-87.f) : x;
  const Lanes turns = x * 1.44269504f;
  const Ints n = __builtin_convertvector(turns + (turns < 0.f ? all(-.5f) : all(.5f)), Ints);
  const Lanes whole = __builtin_convertvector(n, Lanes);
  const Lanes r = x - whole * .693359375f + whole * 2.12194440e-4f;
  Lanes p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const Ints power = (n + 127) << 23;
  return (p * r * r + r + 1.f) * (Lanes)power;
}

// Well mixed bits of a number. Source: lowbias32 of Chris Wellons' hash prospector.
inline Words mixed(Words h) {
  h ^= h >> 16;
  h *= 0x7feb352du;
  h ^= h >> 15;
  h *= 0x846ca68bu;
  return h ^ (h >> 16);
}
