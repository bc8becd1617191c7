"""The loop of an iteration: calls its step, and carries the state over."""

from __future__ import annotations

from typing import NamedTuple

SWAPPED_FROM = 1 << 14  # bytes of a state from which arrays are exchanged rather than copied


class Carried(NamedTuple):
    """The arrays of a state, which are the first inputs, and outputs after the first two.

    :param sizes: bytes of each.
    :param inputs: how many arrays a step reads.
    :param outputs: how many it writes.
    """

    sizes: tuple[int, ...]
    inputs: int
    outputs: int


# Stops before an update whose step failed (then %code is not 0) or says that it is not to be taken.
HEAD = """
define i64 @iterate(
    ptr %context, ptr %inputs, ptr %outputs, ptr %scratch, ptr %values, ptr %code, i64 %n) {
entry:
ENTRY
  %value.slot = getelementptr ptr, ptr %outputs, i64 0
  %value.at = load ptr, ptr %value.slot, align 8
  %go.slot = getelementptr ptr, ptr %outputs, i64 1
  %go.at = load ptr, ptr %go.slot, align 8
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %step, label %done
step:
  %i = phi i64 [0, %entry], [%next, %carry]
STEP
  store i32 %r, ptr %code, align 4
  %good = icmp eq i32 %r, 0
  br i1 %good, label %judge, label %done
judge:
  %value = load double, ptr %value.at, align 8
  %slot = getelementptr double, ptr %values, i64 %i
  store double %value, ptr %slot, align 8
  %go = load i8, ptr %go.at, align 1
  %on = icmp ne i8 %go, 0
  br i1 %on, label %carry, label %done
carry:
CARRY
  %next = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %step, label %done
done:
  %made = phi i64 [0, %entry], [%i, %step], [%i, %judge], [%next, %carry]
END
}
"""
PLAIN = "  %r = call i32 @run(ptr %context, ptr %inputs, ptr %outputs, ptr %scratch)"
SWAPPED = """  %odd = trunc i64 %i to i1
  %in = select i1 %odd, ptr %inputs.2, ptr %inputs
  %out = select i1 %odd, ptr %outputs.2, ptr %outputs
  %r = call i32 @run(ptr %context, ptr %in, ptr %out, ptr %scratch) noinline"""
RETURN = "  ret i64 %made"
BACK = """  %behind = trunc i64 %made to i1
  br i1 %behind, label %back, label %end
back:
COPIES
  br label %end
end:
  ret i64 %made"""
COPY = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\n"
MEMCPY = "  call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {size}, i1 false)"
ARRAY = """  %to{k}.slot = getelementptr ptr, ptr %inputs, i64 {k}
  %to{k} = load ptr, ptr %to{k}.slot, align 8
  %from{k}.slot = getelementptr ptr, ptr %outputs, i64 {source}
  %from{k} = load ptr, ptr %from{k}.slot, align 8"""
EXCHANGE = """  %in{k}.slot = getelementptr ptr, ptr %inputs.2, i64 {k}
  store ptr %from{k}, ptr %in{k}.slot, align 8
  %out{k}.slot = getelementptr ptr, ptr %outputs.2, i64 {source}
  store ptr %to{k}, ptr %out{k}.slot, align 8"""


def write_driver(carried: Carried, module: str) -> str:
    """The function ``iterate``, which calls ``run`` up to ``n`` times.

    A large state is not copied: every other step reads what the one before has written, by tables
    of addresses in which the arrays of the state are exchanged. As addresses are constants to a
    step, it must then be a function of its own.

    :param module: the text that this is added to.
    """
    numbers = range(len(carried.sizes))
    arrays = [ARRAY.format(k=k, source=k + 2) for k in numbers]
    copies = "\n".join(
        MEMCPY.format(to=f"%to{k}", source=f"%from{k}", size=carried.sizes[k]) for k in numbers
    )
    if sum(carried.sizes) < SWAPPED_FROM:
        parts = ["\n".join(arrays), PLAIN, copies, RETURN]
    else:
        parts = [
            "\n".join([*arrays, _tables(carried)]),
            SWAPPED,
            "",
            BACK.replace("COPIES", copies),
        ]
    text = HEAD
    for name, part in zip(("ENTRY", "STEP", "CARRY", "END"), parts, strict=True):
        text = text.replace(f"{name}\n", f"{part}\n", 1)
    return text + ("" if COPY.strip() in module else COPY)


def _tables(carried: Carried) -> str:
    """Copies of the tables of addresses, with the arrays of the state exchanged."""
    lines = []
    for name, count in (("inputs", carried.inputs), ("outputs", carried.outputs)):
        lines.append(f"  %{name}.2 = alloca [{count} x ptr], align 8")
        lines.append(MEMCPY.format(to=f"%{name}.2", source=f"%{name}", size=8 * count))
    lines.extend(EXCHANGE.format(k=k, source=k + 2) for k in range(len(carried.sizes)))
    return "\n".join(lines)
