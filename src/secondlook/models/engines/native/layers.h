// The layers of a net on one block of LANES images, forward and backward. All sizes are known to the compiler.
// Maps are [channel][row][column], weights are laid out as PyTorch's. Sums run in registers: each kernel holds a tile of
// results and passes once over what they are made of.
#pragma once
#include "lanes.h"

// A convolution without padding: C maps of H x W to O maps of HO x WO, kernels of KH x KW, stride S.
template <int C, int H, int W, int O, int KH, int KW, int S>
struct Conv {
  static constexpr int HO = (H - KH) / S + 1, WO = (W - KW) / S + 1;
  static constexpr int OUTS = even(O, 8), COLUMNS = even(WO, SUMS / OUTS);

  static void forward(const Lanes* x, const float* w, const float* bias, Lanes* y) {
    for (int i = 0; i < HO; i++)
      tiles<O, OUTS>([&](int o, auto outs) {
        tiles<WO, COLUMNS>([&](int j, auto columns) {
          constexpr int Q = decltype(outs)::value, P = decltype(columns)::value;
          Lanes sum[Q][P];
          UNROLLED for (int q = 0; q < Q; q++) UNROLLED for (int p = 0; p < P; p++) sum[q][p] = all(bias[o + q]);
          for (int c = 0; c < C; c++)
            for (int a = 0; a < KH; a++) {
              const Lanes* row = x + (c * H + i * S + a) * W + j * S;
              const float* k = w + ((o * C + c) * KH + a) * KW;
              UNROLLED for (int d = 0; d < KW; d++) {
                UNROLLED for (int q = 0; q < Q; q++)
                  UNROLLED for (int p = 0; p < P; p++) sum[q][p] += k[q * C * KH * KW + d] * row[p * S + d];
              }
            }
          UNROLLED for (int q = 0; q < Q; q++)
            UNROLLED for (int p = 0; p < P; p++) y[((o + q) * HO + i) * WO + j + p] = sum[q][p];
        });
      });
  }

  // Kernel rows whose weights are summed at a time: all where two output maps of them fit.
  static constexpr int ROWS = 2 * KH * KW <= SUMS ? KH : 1;
  static constexpr int MAPS = even(O, ROWS * KW < SUMS ? SUMS / (ROWS * KW) : 1);

  static void weights(const Lanes* x, const Lanes* g, float* dw, float* dbias) {
    for (int o = 0; o < O; o++) {
      Lanes total{};
      for (int i = 0; i < HO * WO; i++) total += g[o * HO * WO + i];
      dbias[o] += sum(total);
    }
    tiles<O, MAPS>([&](int o, auto maps) {
      constexpr int Q = decltype(maps)::value;
      for (int c = 0; c < C; c++)
        for (int a = 0; a < KH; a += ROWS) {
          Lanes sum[Q][ROWS * KW] = {};
          for (int i = 0; i < HO; i++) {
            const Lanes* row = x + (c * H + i * S + a) * W;
            const Lanes* gradient = g + (o * HO + i) * WO;
            for (int j = 0; j < WO; j++)
              UNROLLED for (int q = 0; q < Q; q++)
                UNROLLED for (int r = 0; r < ROWS; r++)
                  UNROLLED for (int d = 0; d < KW; d++)
                    sum[q][r * KW + d] += gradient[q * HO * WO + j] * row[r * W + j * S + d];
          }
          UNROLLED for (int q = 0; q < Q; q++) add_sums(sum[q], dw + (((o + q) * C + c) * KH + a) * KW);
        }
    });
  }

  // With a stride, the gradient is spread out, with zeros between, and the rest is as without one.
  static void inputs(const Lanes* g, const float* w, Lanes* dx) {
    if constexpr (S == 1) {
      gather(g, w, dx);
    } else {
      using Spread = Conv<C, (HO - 1) * S + KH, (WO - 1) * S + KW, O, KH, KW, 1>;
      static thread_local Lanes spread[O * Spread::HO * Spread::WO], narrow[C * Spread::HEIGHT * Spread::WIDTH];
      for (int o = 0; o < O; o++)
        for (int i = 0; i < HO; i++)
          for (int j = 0; j < WO; j++) spread[(o * Spread::HO + i * S) * Spread::WO + j * S] = g[(o * HO + i) * WO + j];
      Spread::gather(spread, w, narrow);
      clear(dx, C * H * W);
      for (int c = 0; c < C; c++)
        for (int i = 0; i < Spread::HEIGHT; i++)
          std::memcpy(dx + (c * H + i) * W, narrow + (c * Spread::HEIGHT + i) * Spread::WIDTH, sizeof(Lanes) * Spread::WIDTH);
    }
  }

  static constexpr int HEIGHT = H, WIDTH = W, INS = even(C, 8);

  // The gradient of the input, stride 1. Columns near the edges lack some of the kernel's: which ones is known to the
  // compiler there, and no column pays for a test.
  static void gather(const Lanes* g, const float* w, Lanes* dx) {
    constexpr int LEFT = KW - 1 < W ? KW - 1 : W, RIGHT = WO > LEFT ? WO : LEFT;
    tiles<C, INS>([&](int c, auto ins) {
      constexpr int Q = decltype(ins)::value;
      for (int i = 0; i < H; i++) {
        edge<Q, 0, LEFT>(g, w, dx, c, i);
        if constexpr (RIGHT > LEFT)
          tiles<RIGHT - LEFT, even(RIGHT - LEFT, SUMS / INS)>([&](int j, auto columns) {
            columns_of<Q, decltype(columns)::value, -1>(g, w, dx, c, i, LEFT + j);
          });
        edge<Q, RIGHT, W>(g, w, dx, c, i);
      }
    });
  }

  template <int Q, int J, int END>
  static void edge(const Lanes* g, const float* w, Lanes* dx, int c, int i) {
    if constexpr (J < END) {
      constexpr int P = END - J < SUMS / Q ? END - J : SUMS / Q;
      columns_of<Q, P, J>(g, w, dx, c, i, J);
      edge<Q, J + P, END>(g, w, dx, c, i);
    }
  }

  // Q channels and P columns from j of row i; J is j where it is at an edge, -1 where the whole kernel fits.
  template <int Q, int P, int J>
  static void columns_of(const Lanes* g, const float* w, Lanes* dx, int c, int i, int j) {
    Lanes sum[Q][P] = {};
    const int first = i - HO + 1 > 0 ? i - HO + 1 : 0, last = i < KH - 1 ? i : KH - 1;
    for (int o = 0; o < O; o++)
      for (int a = first; a <= last; a++) {
        const Lanes* row = g + (o * HO + i - a) * WO + j;
        const float* k = w + ((o * C + c) * KH + a) * KW;
        UNROLLED for (int d = 0; d < KW; d++)
          UNROLLED for (int p = 0; p < P; p++)
            if (J < 0 || (J + p - d >= 0 && J + p - d < WO))
              UNROLLED for (int q = 0; q < Q; q++) sum[q][p] += k[q * KH * KW + d] * row[p - d];
      }
    UNROLLED for (int q = 0; q < Q; q++)
      UNROLLED for (int p = 0; p < P; p++) dx[((c + q) * H + i) * W + j + p] = sum[q][p];
  }
};

// Zeros around maps: `TOP`, `LEFT` before, and after up to HO x WO.
template <int C, int H, int W, int TOP, int LEFT, int HO, int WO>
struct Pad {
  static void forward(const Lanes* x, Lanes* y) {
    clear(y, C * HO * WO);
    for (int c = 0; c < C; c++)
      for (int i = 0; i < H; i++)
        std::memcpy(y + (c * HO + i + TOP) * WO + LEFT, x + (c * H + i) * W, sizeof(Lanes) * W);
  }
  static void backward(const Lanes* g, Lanes* dx) {
    for (int c = 0; c < C; c++)
      for (int i = 0; i < H; i++)
        std::memcpy(dx + (c * H + i) * W, g + (c * HO + i + TOP) * WO + LEFT, sizeof(Lanes) * W);
  }
};

// I numbers to O, weights [O][I].
template <int I, int O>
struct Dense {
  static constexpr int OUTS = even(O, SUMS - 8);

  static void forward(const Lanes* x, const float* w, const float* bias, Lanes* y) {
    tiles<O, OUTS>([&](int o, auto outs) {
      constexpr int Q = decltype(outs)::value;
      Lanes sum[Q];
      UNROLLED for (int q = 0; q < Q; q++) sum[q] = all(bias[o + q]);
      for (int i = 0; i < I; i++)
        UNROLLED for (int q = 0; q < Q; q++) sum[q] += w[(o + q) * I + i] * x[i];
      UNROLLED for (int q = 0; q < Q; q++) y[o + q] = sum[q];
    });
  }

  static void inputs(const Lanes* g, const float* w, Lanes* dx) {
    tiles<I, even(I, SUMS - 8)>([&](int i, auto ins) {
      constexpr int Q = decltype(ins)::value;
      Lanes sum[Q] = {};
      for (int o = 0; o < O; o++)
        UNROLLED for (int q = 0; q < Q; q++) sum[q] += w[o * I + i + q] * g[o];
      UNROLLED for (int q = 0; q < Q; q++) dx[i + q] = sum[q];
    });
  }

  // Here the lanes are neighbouring weights of one output: the images are summed over, and need no sums across lanes.
  static void weights(const Lanes* x, const Lanes* g, float* dw, float* dbias) {
    constexpr int WHOLE = I / LANES, REST = I % LANES;
    static thread_local Lanes images[WHOLE + 1][LANES];  // [chunk][image], the lanes are I
    for (int at = 0; at < WHOLE; at++) {
      std::memcpy(images[at], x + at * LANES, sizeof images[at]);
      transpose(images[at]);
    }
    if constexpr (REST != 0) {
      std::memcpy(images[WHOLE], x + WHOLE * LANES, sizeof(Lanes) * REST);
      transpose(images[WHOLE]);
    }
    tiles<O, even(O, SUMS / 4)>([&](int o, auto outs) {
      constexpr int Q = decltype(outs)::value;
      add_sums(reinterpret_cast<const Lanes(&)[Q]>(g[o]), dbias + o);
      tiles<WHOLE, 4>([&](int at, auto chunks) {
        constexpr int P = decltype(chunks)::value;
        Lanes sum[Q][P];
        UNROLLED for (int q = 0; q < Q; q++) std::memcpy(sum[q], dw + (o + q) * I + at * LANES, sizeof sum[q]);
        for (int l = 0; l < LANES; l++)
          UNROLLED for (int q = 0; q < Q; q++)
            UNROLLED for (int p = 0; p < P; p++) sum[q][p] += g[o + q][l] * images[at + p][l];
        UNROLLED for (int q = 0; q < Q; q++) std::memcpy(dw + (o + q) * I + at * LANES, sum[q], sizeof sum[q]);
      });
      if constexpr (REST != 0) {
        Lanes sum[Q] = {};
        for (int l = 0; l < LANES; l++)
          UNROLLED for (int q = 0; q < Q; q++) sum[q] += g[o + q][l] * images[WHOLE][l];
        for (int q = 0; q < Q; q++)
          for (int i = 0; i < REST; i++) dw[(o + q) * I + WHOLE * LANES + i] += sum[q][i];
      }
    });
  }
};

// The largest number of each K x K window, every S; of equal ones the first passes the gradient.
template <int C, int H, int W, int K, int S>
struct MaxPool {
  static constexpr int HO = (H - K) / S + 1, WO = (W - K) / S + 1;

  static void forward(const Lanes* x, Lanes* y) {
    for (int c = 0; c < C; c++)
      for (int i = 0; i < HO; i++)
        for (int j = 0; j < WO; j++) {
          const Lanes* window = x + (c * H + i * S) * W + j * S;
          Lanes most = window[0];
          UNROLLED for (int a = 0; a < K; a++) UNROLLED for (int d = 0; d < K; d++) most = larger(window[a * W + d], most);
          y[(c * HO + i) * WO + j] = most;
        }
  }
  static void backward(const Lanes* x, const Lanes* y, const Lanes* g, Lanes* dx) {
    if (S != K || H % K || W % K) clear(dx, C * H * W);
    for (int c = 0; c < C; c++)
      for (int i = 0; i < HO; i++)
        for (int j = 0; j < WO; j++) {
          const int at = (c * H + i * S) * W + j * S, from = (c * HO + i) * WO + j;
          Ints open = Ints{} - 1;
          UNROLLED for (int a = 0; a < K; a++) UNROLLED for (int d = 0; d < K; d++) {
            const Ints here = (x[at + a * W + d] == y[from]) & open;
            const Lanes share = here ? g[from] : Lanes{};
            dx[at + a * W + d] = S < K ? dx[at + a * W + d] + share : share;
            open &= ~here;
          }
        }
  }
};

// The mean of each K x K window, every S.
template <int C, int H, int W, int K, int S>
struct MeanPool {
  static constexpr int HO = (H - K) / S + 1, WO = (W - K) / S + 1;

  static void forward(const Lanes* x, Lanes* y) {
    for (int c = 0; c < C; c++)
      for (int i = 0; i < HO; i++)
        for (int j = 0; j < WO; j++) {
          Lanes total{};
          for (int a = 0; a < K; a++)
            for (int d = 0; d < K; d++) total += x[(c * H + i * S + a) * W + j * S + d];
          y[(c * HO + i) * WO + j] = total * (1.f / (K * K));
        }
  }
  static void backward(const Lanes* g, Lanes* dx) {
    clear(dx, C * H * W);
    for (int c = 0; c < C; c++)
      for (int i = 0; i < HO; i++)
        for (int j = 0; j < WO; j++)
          for (int a = 0; a < K; a++)
            for (int d = 0; d < K; d++)
              dx[(c * H + i * S + a) * W + j * S + d] += g[(c * HO + i) * WO + j] * (1.f / (K * K));
  }
};

// One number for each of C maps of N numbers.
template <int C, int N>
struct GlobalMax {
  static void forward(const Lanes* x, Lanes* y) {
    for (int c = 0; c < C; c++) {
      Lanes most = x[c * N];
      for (int i = 1; i < N; i++) most = larger(x[c * N + i], most);
      y[c] = most;
    }
  }
  static void backward(const Lanes* x, const Lanes* y, const Lanes* g, Lanes* dx) {
    for (int c = 0; c < C; c++) {
      Ints open = Ints{} - 1;
      for (int i = 0; i < N; i++) {
        const Ints here = (x[c * N + i] == y[c]) & open;
        dx[c * N + i] = here ? g[c] : Lanes{};
        open &= ~here;
      }
    }
  }
};

template <int C, int N>
struct GlobalMean {
  static void forward(const Lanes* x, Lanes* y) {
    for (int c = 0; c < C; c++) {
      Lanes total{};
      for (int i = 0; i < N; i++) total += x[c * N + i];
      y[c] = total * (1.f / N);
    }
  }
  static void backward(const Lanes* g, Lanes* dx) {
    for (int c = 0; c < C; c++)
      for (int i = 0; i < N; i++) dx[c * N + i] = g[c] * (1.f / N);
  }
};
