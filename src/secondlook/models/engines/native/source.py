"""The C++ of a program: a struct that lays out buffers and calls kernels, in the order of the net and back."""

from __future__ import annotations

from collections.abc import Iterator

from secondlook.models.engines.native.program import Operation, Program

_TEMPLATE = """\
#include "layers.h"
#include "pointwise.h"
#include "trainer.h"

struct Net {{
  static constexpr int HEIGHT = {height}, WIDTH = {width}, CHANNELS = {channels}, CLASSES = {classes};
  static constexpr int PARAMETERS = {parameters};
  static constexpr bool WAITS = {waits};

  struct Whole {{
{whole}
  }};
  struct alignas(64) Block {{
{buffers}
  }};

  template <class Worker>
  static void train(const Step<Block>& step, Worker& me, int t, Team& team) {{
    const float* w = step.model.weights;
    float* d = me.gradient;
    const int64_t blocks = step.many();
{train}
  }}

  static void infer(const Model& model, Block& b) {{
    const float* w = model.weights;
{infer}
  }}

  static const Lanes* logits(const Block& b) {{ return b.v{last}; }}
}};

#include "exports.h"
"""

_BLOCKS = """\
    for (int64_t k = t; k < blocks; k += team.size) {{
      Block& b = *step.blocks[{own}];
      const int images = step.alive(k);
{body}
    }}"""

_MEET = """\
    team.meet();
    {{
      auto part = [&](int k) -> auto& {{ return step.blocks[k]->{part}; }};
      {merge}
    }}"""


def source(made: Program, image: tuple[int, int, int]) -> str:
    """The C++ of a program for images of (h, w, c)."""
    gradients = _Gradients(made)
    train = _Training(made, gradients)
    norms = [op for op in made.operations if op.kind == "norm"]
    buffers = [f"Lanes v{i}[{size}];" for i, size in enumerate(made.sizes)]
    buffers += [f"Lanes g{i}[{size}];" for i, size in enumerate(gradients.slots)]
    return _TEMPLATE.format(
        height=image[0],
        width=image[1],
        channels=image[2],
        classes=made.sizes[-1],
        parameters=made.parameters,
        waits="true" if norms else "false",
        whole=_lines([f"{op.kernel}::Whole n{op.output};" for op in norms], 4),
        buffers=_lines(buffers + [f"{op.kernel}::Part n{op.output};" for op in norms], 4),
        train=train.text(),
        infer=_lines([_infer(op) for op in made.operations], 4),
        last=len(made.sizes) - 1,
    )


def _lines(lines: list[str], indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines)


class _Gradients:
    """Which buffer holds the gradient of which value: one is used again as soon as nobody asks for it.

    `slot[v]` is -1 for values whose gradient nobody asks for: no parameters lie before them.
    """

    def __init__(self, made: Program) -> None:
        self.slots: list[int] = []
        self.slot = [-1] * len(made.sizes)
        self.sizes = made.sizes
        self.wanted = [False] * len(made.sizes)
        for op in made.operations:
            self.wanted[op.output] = op.weights >= 0 or any(self.wanted[v] for v in op.inputs)
        self.free: list[int] = []

    def take(self, size: int) -> int:
        """A free buffer: the smallest that is large enough, else the largest, enlarged."""
        fits = sorted(self.free, key=lambda s: (self.slots[s] < size, abs(self.slots[s] - size)))
        if not fits:
            self.slots.append(size)
            return len(self.slots) - 1
        self.free.remove(fits[0])
        self.slots[fits[0]] = max(self.slots[fits[0]], size)
        return fits[0]


class _Training:
    """Statements for one block at a time; where batch norm waits for all blocks, a new loop over them begins."""

    def __init__(self, made: Program, gradients: _Gradients) -> None:
        self.made, self.gradients = made, gradients
        self.loops: list[list[str]] = [["take<Net>(step.pixels, step.items + k * LANES, images, b.v0);"]]
        self.meetings: list[str] = []
        for op in made.operations:
            self._forward(op)
        last = len(made.sizes) - 1
        gradients.slot[last] = gradients.take(made.sizes[last])
        self._say(f"me.loss += learn<CLASSES>(step, k, b.v{last}, b.g{gradients.slot[last]});")
        for op in reversed(made.operations):
            self._backward(op)

    def text(self) -> str:
        own = "k" if self.meetings else "t"
        loops = [_BLOCKS.format(own=own, body=_lines(body, 6)) for body in self.loops]
        return "\n".join(part for pair in zip(loops, [*self.meetings, ""], strict=True) for part in pair if part)

    def _say(self, *statements: str) -> None:
        self.loops[-1] += statements

    def _meet(self, op: Operation, merge: str) -> None:
        self.meetings.append(_MEET.format(part=f"n{op.output}", merge=merge))
        self.loops.append([])

    def _forward(self, op: Operation) -> None:
        if op.kind == "norm":
            x, whole = f"b.v{op.inputs[0]}", f"me.n{op.output}"
            running = f"t ? nullptr : step.model.running + {op.running}"
            self._say(f"{op.kernel}::measure({x}, images, b.n{op.output});")
            self._meet(op, f"{op.kernel}::merge(part, blocks, {whole}, {running});")
            self._say(f"{op.kernel}::forward({x}, w + {op.weights}, w + {op.bias}, {whole}, b.v{op.output});")
        elif op.kind == "dropout":
            self._say(_dropout(op, f"b.v{op.inputs[0]}", f"b.v{op.output}"))
        else:
            self._say(_infer(op))

    def _backward(self, op: Operation) -> None:
        slot, wanted = self.gradients.slot, self.gradients.wanted
        if not wanted[op.output]:
            return
        g, x = f"b.g{slot[op.output]}", f"b.v{op.inputs[0]}"
        if op.kind == "weighted":
            self._say(f"{op.kernel}::weights({x}, {g}, d + {op.weights}, d + {op.bias});")
        if op.kind == "norm":
            whole = f"me.n{op.output}"
            self._say(f"{op.kernel}::measure_gradient({x}, {g}, {whole}, b.n{op.output});")
            sums = f"t ? nullptr : d + {op.weights}, t ? nullptr : d + {op.bias}"
            self._meet(op, f"{op.kernel}::merge_gradient(part, blocks, {whole}, {sums});")
        kept = False
        for v in op.inputs:
            if wanted[v]:
                kept |= self._pass_back(op, v, g, kept)
        if not kept:
            self.gradients.free.append(slot[op.output])

    def _pass_back(self, op: Operation, v: int, g: str, kept: bool) -> bool:
        """The gradient of one input; whether it now lives where the output's did."""
        slot = self.gradients.slot
        in_place = op.kind in ("pointwise", "dropout", "norm", "add")
        if in_place:
            self._say(*_in_place(op, g))
        if slot[v] < 0 and in_place and not kept:
            slot[v] = slot[op.output]
            return True
        if in_place:  # a branch: its gradient is that of the sum
            held, made_here = slot[op.output], False
        else:
            held, made_here = self.gradients.take(self.gradients.sizes[v]), True
            self._say(_into(op, g, f"b.g{held}"))
        if slot[v] < 0 and made_here:
            slot[v] = held
            return False
        size = self.gradients.sizes[v]
        if slot[v] < 0:
            slot[v] = self.gradients.take(size)
            self._say(f"std::copy_n(b.g{held}, {size}, b.g{slot[v]});")
        else:
            self._say(f"add<{size}>(b.g{slot[v]}, b.g{held}, b.g{slot[v]});")
        if made_here:
            self.gradients.free.append(held)
        return False


def _infer(op: Operation) -> str:
    """The forward call without dropout, with running statistics."""
    x, y = ", ".join(f"b.v{v}" for v in op.inputs), f"b.v{op.output}"
    match op.kind:
        case "weighted":
            return f"{op.kernel}::forward({x}, w + {op.weights}, w + {op.bias}, {y});"
        case "norm":
            return f"{op.kernel}::infer({x}, w + {op.weights}, w + {op.bias}, model.running + {op.running}, {y});"
        case "add":
            return f"{op.kernel}({x}, {y});"
        case "dropout":
            return f"std::copy_n({x}, {op.kernel.split('<')[1].split(',')[0]}, {y});"
    return f"{op.kernel}::forward({x}, {y});"


def _dropout(op: Operation, x: str, y: str) -> str:
    # Each layer of dropout has a key of its own.
    return f"{op.kernel}::pass({x}, {y}, step.seed + {op.output} * 0x9e3779b97f4a7c15u, k * LANES);"


def _in_place(op: Operation, g: str) -> Iterator[str]:
    x, y = f"b.v{op.inputs[0]}", f"b.v{op.output}"
    if op.kind == "pointwise":
        yield f"{op.kernel}::backward({x}, {y}, {g});"
    if op.kind == "dropout":
        yield _dropout(op, g, g)
    if op.kind == "norm":
        yield f"{op.kernel}::backward({x}, w + {op.weights}, me.n{op.output}, images, {g});"


def _into(op: Operation, g: str, dx: str) -> str:
    x, y = f"b.v{op.inputs[0]}", f"b.v{op.output}"
    if op.kind == "weighted":
        return f"{op.kernel}::inputs({g}, w + {op.weights}, {dx});"
    return (
        f"{op.kernel}::backward({x}, {y}, {g}, {dx});" if op.kind == "maximum" else f"{op.kernel}::backward({g}, {dx});"
    )
